import { ChatRoom } from "everwire/chat";
import { useChat } from "everwire/react";
import { useState } from "react";
import { createRoot } from "react-dom/client";

const MARKS = { sending: "…", sent: "✓", delivered: "✓✓", read: "✓✓ read", failed: "not sent" };
const asked = new URLSearchParams(location.search);

function Message({ message, room }) {
  const { id, own, userName, text, status, failure } = message;
  return (
    <li className={own ? "own" : ""}>
      <b>{userName}</b> <span className="text">{text}</span> {own && <i className="status">{MARKS[status]}</i>}
      {failure?.retryable && <button onClick={() => room.retry(id)}>Send again</button>}
    </li>
  );
}

function Chat({ name }) {
  const room = useChat(() => new ChatRoom(asked.get("server"), { name, room: "den" }), [name]);
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  if (!room) return null;

  const send = (event) => {
    event.preventDefault();
    room.send(text).then(() => setText(""), (error) => setProblem(error.message));
    room.setTyping(false);
  };
  const type = (event) => {
    setText(event.target.value);
    room.setTyping(event.target.value !== "");
  };
  return (
    <main>
      <p id="state">{room.state.name === "connected" ? `here: ${[name, ...room.users.map((user) => user.name)].join(", ")}` : room.state.reason}</p>
      {room.messages[0]?.missing?.kind === "unloaded" && <button onClick={() => room.loadEarlier()}>Earlier</button>}
      <ul onMouseEnter={() => room.markRead()}>
        {room.messages.map((message) => (
          <Message key={message.id} message={message} room={room} />
        ))}
      </ul>
      <p id="typing">{room.typing.length > 0 && `${room.typing.join(", ")} …`}</p>
      <form onSubmit={send}>
        <input id="text" value={text} onChange={type} />
        <button>Send</button> <em>{problem}</em>
      </form>
    </main>
  );
}

createRoot(document.getElementById("root")).render(<Chat name={asked.get("name")} />);

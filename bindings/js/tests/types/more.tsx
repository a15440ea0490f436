// Compiled, not run: what React components and chats are allowed, and what is refused.
import { ChatRoom, rooms, type ChatMessage } from "everwire/chat";
import { useChat, useEverwire } from "everwire/react";

export function Feed({ url }: { url: string | null }) {
  const { state, connected, deliver } = useEverwire(url, { textPings: ["ping", "pong"], onMessage: (data) => console.log(data) });
  return (
    <button disabled={!connected} onClick={() => deliver("x").then(({ status }) => status)}>
      {state.name === "disconnected" ? state.reason : state.name}
    </button>
  );
}

export function Chat() {
  const room = useChat(() => new ChatRoom("wss://example.org/ws", { name: "Ana", token: async (refused) => `${refused}` }), ["Ana"]);
  return <p>{room?.messages.map((message: ChatMessage) => (message.failure?.retryable ? message.failure.reason : message.status)).join()}</p>;
}

export async function list(): Promise<number> {
  const [first] = await rooms("wss://example.org/ws");
  return first?.here ?? 0;
}

// @ts-expect-error A room needs a name.
new ChatRoom("wss://example.org/ws", {});
// @ts-expect-error There is no such option.
useEverwire("wss://example.org/", { sessions: true });

import { EverwireSocket } from "everwire";

const [answer, state] = ["answer", "state"].map((id) => document.getElementById(id));

// In a session the server keeps what has not arrived: after a cut the answer goes on with the very next token.
const socket = new EverwireSocket(new URLSearchParams(location.search).get("server"), [], { session: true, retry: { minDelay: 50 } });

socket.addEventListener("statechange", () => (state.textContent = socket.state.name));
socket.addEventListener("message", ({ data }) => {
  const { token, done } = JSON.parse(data);
  answer.append(token ?? "");
  answer.dataset.done = Boolean(done);
});

document.forms[0].addEventListener("submit", async (event) => {
  event.preventDefault();
  answer.replaceChildren();
  const { status } = await socket.deliver(JSON.stringify({ prompt: event.target.prompt.value }));
  if (status !== "acknowledged") answer.textContent = `the question did not arrive: ${status}`;
});

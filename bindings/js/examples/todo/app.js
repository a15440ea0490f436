import { EverwireSocket } from "everwire";

const list = document.getElementById("list");
const todos = new Map(JSON.parse(localStorage.getItem("todos") ?? "[]"));

const socket = new EverwireSocket(new URLSearchParams(location.search).get("server"), [], {
  textPings: ["ping", "pong"],
  retry: { minDelay: 200 },
  // What waits is kept with the page, and sent by the next one, which is told what becomes of it.
  outbox: { store: "todos", onRecovered: (data, outcome) => follow(JSON.parse(data).id, outcome) },
});

/** Shown at once; the mark goes when the server has it. The same id twice is the same to-do. */
function add(what) {
  const id = crypto.randomUUID();
  set(id, { what, status: "saving" });
  follow(id, socket.deliver(JSON.stringify({ id, what })));
}

async function follow(id, outcome) {
  const { status } = await outcome;
  // Kept for the next page: it is told there.
  if (status !== "stored") set(id, { ...todos.get(id), status: status === "received" ? "saved" : status });
}

function set(id, todo) {
  todos.set(id, todo);
  localStorage.setItem("todos", JSON.stringify([...todos]));
  show();
}

function show() {
  list.replaceChildren(...[...todos.values()].map(({ what, status }) => Object.assign(document.createElement("li"), { textContent: what, className: status })));
}

document.forms[0].addEventListener("submit", (event) => {
  event.preventDefault();
  add(event.target.what.value);
  event.target.reset();
});
show();

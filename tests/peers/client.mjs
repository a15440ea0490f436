// The commands and events of every client in tests/peers, whatever its library.
// stdin:  text STRING | binary HEX | large text|binary BYTES | ping STRING | close CODE REASON
// stdout: one JSON object per event: open, text, binary, large, pong, close, error
import { createInterface } from "node:readline";

export const say = (event) => console.log(JSON.stringify(event));

let sentLast = null;

// For a message that is too long for a line: whether it equals the last one that was sent.
export function received(data, isBinary) {
  if (data.length > 1000) {
    const same = sentLast !== null && sentLast.isBinary === isBinary && sentLast.data.equals(data);
    say({ event: "large", kind: isBinary ? "binary" : "text", length: data.length, same });
  } else if (isBinary) {
    say({ event: "binary", hex: data.toString("hex") });
  } else {
    say({ event: "text", text: data.toString() });
  }
}

// `socket` has send(buffer, isBinary), ping(string) and close(code, reason).
export function drive(socket) {
  const send = (data, isBinary) => {
    sentLast = { data, isBinary };
    socket.send(data, isBinary);
  };
  createInterface({ input: process.stdin }).on("line", (line) => {
    const [word, ...rest] = line.split(" ");
    const argument = rest.join(" ");
    if (word === "text") send(Buffer.from(argument), false);
    else if (word === "binary") send(Buffer.from(argument, "hex"), true);
    else if (word === "large") send(large(Number(rest[1])), rest[0] === "binary");
    else if (word === "ping") socket.ping(argument);
    else if (word === "close") socket.close(Number(rest[0]), rest.slice(1).join(" "));
  });
}

// The numbers from 0 on: text that compresses, but not as extremely as one repeated character.
function large(bytes) {
  let text = "";
  for (let number = 0; text.length < bytes; number++) text += `${number} `;
  return Buffer.from(text.slice(0, bytes));
}

// Who waits for the outcome of which message.

/** Numbers of so many messages are kept together: they follow each other, and mostly end together. */
const TOGETHER = 256;

export class Deliveries {
  /** By number over `TOGETHER`: what to call for each message, and for how many that is. */
  #blocks = new Map();
  /** Its number and itself: the next message is mostly of the block of the last one. */
  #last = { number: -1, waiting: [], count: 0 };

  /** Calls `done` with the outcome of this message. */
  set(id, done) {
    const number = Math.floor(id / TOGETHER);
    const block = this.#block(number) ?? { number, waiting: new Array(TOGETHER), count: 0 };
    if (block.count === 0) this.#blocks.set(number, (this.#last = block));
    block.waiting[id % TOGETHER] = done;
    block.count += 1;
  }

  /** These messages have ended in this way. */
  end(first, last, outcome) {
    for (let id = first; id <= last && this.#blocks.size > 0; id += 1) {
      const block = this.#block(Math.floor(id / TOGETHER));
      const at = id % TOGETHER;
      if (!block) {
        // On to the next block.
        id += TOGETHER - 1 - at;
        continue;
      }
      const done = block.waiting[at];
      if (!done) continue;
      block.waiting[at] = undefined;
      block.count -= 1;
      if (block.count === 0) this.#blocks.delete(block.number);
      done(outcome);
    }
  }

  #block(number) {
    if (this.#last.number === number && this.#last.count > 0) return this.#last;
    const block = this.#blocks.get(number);
    if (block) this.#last = block;
    return block;
  }
}

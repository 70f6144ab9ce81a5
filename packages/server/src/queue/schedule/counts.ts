import type { MessageState, Totals } from "../queue.ts";

/** Running totals of a topic or group. */
export class Counts implements Totals {
  waiting = 0;
  leased = 0;
  done = 0;
  dead = 0;
  bodyBytes = 0;

  /** Adds (1) or subtracts (-1) a message. */
  count(status: MessageState["status"], bodyBytes: number, sign: 1 | -1): void {
    this[status] += sign;
    if (status !== "done") this.bodyBytes += sign * bodyBytes;
  }

  /** Number of messages that are not done. */
  get open(): number {
    return this.waiting + this.leased + this.dead;
  }

  get all(): number {
    return this.open + this.done;
  }

  copy(): Totals {
    const { waiting, leased, done, dead, bodyBytes } = this;
    return { waiting, leased, done, dead, bodyBytes };
  }
}

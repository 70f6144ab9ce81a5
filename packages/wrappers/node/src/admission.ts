import type { Call } from "./call.ts";
import { concurrency, queueLimit } from "./options.ts";
import { Problem } from "./problem.ts";
import { sendProblem } from "./response/problem.ts";
import { closeIdleConnectionsOnDrain } from "./shutdown.ts";

/** Concurrency limit with a queue in the order of arrival. */
export class Admission {
  readonly #startCall: (call: Call) => void;
  readonly #waiting: Call[] = [];
  #inFlight = 0;

  /** `startCall` must call `leave` once for each call, when its function has returned. */
  constructor(startCall: (call: Call) => void) {
    this.#startCall = startCall;
  }

  /** Runs a call now, queues it, or answers NO_CAPACITY when the queue is full. */
  enter(call: Call): void {
    if (this.#inFlight < concurrency) {
      this.#start(call);
      return;
    }
    if (this.#waiting.length >= queueLimit) {
      sendProblem(call, new Problem("NO_CAPACITY", `${concurrency} calls are running and ${queueLimit} are waiting`));
      return;
    }
    this.#waiting.push(call);
    call.response.once("close", () => {
      const index = this.#waiting.indexOf(call);
      if (index >= 0) this.#waiting.splice(index, 1);
    });
  }

  /** Frees the slot of a call and gives it to the next in the queue. */
  leave(): void {
    this.#inFlight--;
    const next = this.#waiting.shift();
    if (next !== undefined) this.#start(next);
    else if (this.#inFlight === 0) closeIdleConnectionsOnDrain();
  }

  /** Empties the queue and answers all waiting calls with a problem. */
  rejectWaiting(problem: Problem): void {
    for (const call of this.#waiting.splice(0)) sendProblem(call, problem);
  }

  #start(call: Call): void {
    this.#inFlight++;
    this.#startCall(call);
  }
}

import { asyncPolicy } from "@faas/core";
import { AsyncCallService } from "../async-calls/async-call-service.ts";
import { Deliveries } from "../async-calls/deliveries.ts";
import { internalCall } from "../async-calls/internal-call.ts";
import { passOn } from "../destinations/pass-on.ts";
import type { Queue } from "../queue/queue.ts";

const policy = asyncPolicy({ attempts: 1, onSuccess: "after", onFailure: "after" });

/** Creates the service for the calls in a queue. Calls of clients are limited to one. */
const serviceOf = (queue: Queue) =>
  new AsyncCallService({
    ...{ queue, policyOf: () => policy, revisionOf: () => undefined },
    limitsOf: () => ({ waitingCalls: 1, waitingBytes: Number.POSITIVE_INFINITY }),
  });

/** Stores a call to acme/jobs, and returns its id. */
export async function addJob(queue: Queue): Promise<string> {
  return (await serviceOf(queue).accept(internalCall({ org: "acme", endpoint: "jobs", requestId: "r" }))).id;
}

/**
 * Delivers the calls to acme/jobs, whose destination is acme/after, to a function that responds with a status.
 *
 * @param beforeEnd called when a call has been passed on, and its end has not been stored
 */
export function deliverJobs(queue: Queue, status: number, beforeEnd = () => {}): AsyncDisposable {
  const service = serviceOf(queue);
  const deliveries = new Deliveries({
    ...{ queue, policyOf: () => policy, windowOf: () => 1, orgWindowOf: () => 1 },
    deliver: async () => ({ status, from: "function", headers: [], body: Buffer.alloc(0), bytes: 0 }),
    takes: (topic) => topic === "acme/jobs",
    async beforeEnd(delivery) {
      const outcome = await passOn(delivery, { queue, accept: (call) => service.acceptNext(call) });
      beforeEnd();
      return outcome;
    },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });
  deliveries.start();
  return deliveries;
}

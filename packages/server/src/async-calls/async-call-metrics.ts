import { type EndpointRef, endpointRef } from "@faas/core";
import { Counter, Gauge, type Registry } from "prom-client";
import { endpointOfTopic } from "../destinations/destination-topic.ts";
import type { Outcome, Queue } from "../queue/queue.ts";

const NAMES = { done: "completed", retry: "retried", dead: "failed" } as const;

/** Metrics of asynchronous calls. */
export class AsyncCallMetrics {
  readonly #deliveries: Counter<"org" | "endpoint" | "outcome">;

  constructor(queue: Pick<Queue, "topics" | "topicTotals">, registers: Registry[]) {
    new Gauge({
      name: "faas_async_calls",
      help: "Asynchronous calls that have not been completed",
      labelNames: ["org", "endpoint", "state"],
      registers,
      collect() {
        this.reset();
        for (const topic of queue.topics()) {
          const ref = endpointRef(endpointOfTopic(topic));
          const { waiting, leased, dead } = queue.topicTotals(topic);
          // An endpoint has a second topic for its calls to URLs.
          for (const [state, calls] of Object.entries({ waiting, running: leased, failed: dead }))
            this.inc({ ...ref, state }, calls);
        }
      },
    });
    this.#deliveries = new Counter({
      name: "faas_async_deliveries_total",
      help: "Deliveries of asynchronous calls that have ended, by what became of the call",
      labelNames: ["org", "endpoint", "outcome"],
      registers,
    });
  }

  /** Counts a delivery. Those for which there was no room do not count. */
  record(ref: EndpointRef, outcome: Outcome): void {
    if (outcome.type === "retry" && outcome.isUncounted) return;
    this.#deliveries.inc({ ...ref, outcome: NAMES[outcome.type] });
  }

  /** Removes the series of a removed endpoint. */
  forget({ org, endpoint }: EndpointRef): void {
    for (const outcome of Object.values(NAMES)) this.#deliveries.remove({ org, endpoint, outcome });
  }
}

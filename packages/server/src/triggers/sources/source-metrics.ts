import type { EndpointRef } from "@faas/core";
import { Counter, type Registry } from "prom-client";

/**
 * Fate of a message. `duplicate`: it was accepted before. `delayed`: it will be delivered by NATS again. `rejected`: it was not accepted, and will
 * not be.
 */
const OUTCOMES = ["accepted", "duplicate", "delayed", "rejected"] as const;
export type SourceOutcome = (typeof OUTCOMES)[number];

/** Metrics of sources. */
export class SourceMetrics {
  readonly #messages: Counter<"org" | "endpoint" | "outcome">;

  constructor(registers: Registry[]) {
    this.#messages = new Counter({
      name: "faas_source_messages_total",
      help: "Messages of NATS that sources received, by what became of them",
      labelNames: ["org", "endpoint", "outcome"],
      registers,
    });
  }

  record({ org, endpoint }: EndpointRef, outcome: SourceOutcome): void {
    this.#messages.inc({ org, endpoint, outcome });
  }

  /** Removes the series of a removed endpoint. */
  forget({ org, endpoint }: EndpointRef): void {
    for (const outcome of OUTCOMES) this.#messages.remove({ org, endpoint, outcome });
  }
}

import { type EndpointRef, skipReasons } from "@faas/core";
import { Counter, type Registry } from "prom-client";
import type { RunOutcome } from "./schedule-state.ts";

const OUTCOMES = ["started", ...skipReasons] as const;

/** Metrics of schedules. */
export class ScheduleMetrics {
  readonly #runs: Counter<"org" | "endpoint" | "outcome">;

  constructor(registers: Registry[]) {
    this.#runs = new Counter({
      name: "faas_schedule_runs_total",
      help: "Times at which schedules were due, by what became of the run",
      labelNames: ["org", "endpoint", "outcome"],
      registers,
    });
  }

  record({ org, endpoint }: EndpointRef, outcome: RunOutcome): void {
    this.#runs.inc({ org, endpoint, outcome: "call" in outcome ? "started" : outcome.reason });
  }

  /** Removes the series of a removed endpoint. */
  forget({ org, endpoint }: EndpointRef): void {
    for (const outcome of OUTCOMES) this.#runs.remove({ org, endpoint, outcome });
  }
}

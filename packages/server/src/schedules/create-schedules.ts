import { join } from "node:path";
import type { Logger } from "@faas/core";
import type { AsyncCallService } from "../async-calls/async-call-service.ts";
import type { DisposerStack } from "../lib/disposer-stack.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { ServerOptions } from "../options.ts";
import type { Queue } from "../queue/queue.ts";
import type { Store } from "../state/store.ts";
import { systemClock } from "./clock.ts";
import { ScheduleMetrics } from "./schedule-metrics.ts";
import { ScheduleService } from "./schedule-service.ts";
import { ScheduleState } from "./schedule-state.ts";

interface SchedulesContext {
  readonly options: Pick<ServerOptions, "clock">;
  readonly dataDir: string;
  readonly lock: { verify(): Promise<void> };
  readonly store: Store;
  readonly queue: Pick<Queue, "find">;
  readonly asyncCalls: Pick<AsyncCallService, "accept">;
  readonly metrics: Pick<Metrics, "registry">;
  readonly log: Logger;
  readonly stack: DisposerStack;
  readonly role: DisposerStack;
}

/** Creates the service for schedules, with its state in the data folder. It starts no runs before it is started. */
export async function createSchedules(context: SchedulesContext): Promise<ScheduleService> {
  const { options, dataDir, lock, store, queue, asyncCalls, metrics, log, stack, role } = context;
  const file = join(dataDir, "schedules.jsonl");
  const state = await ScheduleState.open({ file, assertLockHeld: () => lock.verify(), log });
  const counts = new ScheduleMetrics([metrics.registry]);
  return stack.share(
    new ScheduleService({
      ...{ store, state, log, calls: asyncCalls, clock: options.clock ?? systemClock },
      findCall: (id) => queue.find(id),
      onOutcome: (ref, outcome) => counts.record(ref, outcome),
      onRemoved: (ref) => counts.forget(ref),
    }),
    role,
  );
}

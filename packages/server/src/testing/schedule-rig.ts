import { join } from "node:path";
import { asyncPolicy, type EndpointRef, limitNumbers, type ScheduleInput, withDefaults } from "@faas/core";
import { parseRecord } from "@faas/gateway";
import { pino } from "pino";
import { AsyncCallService } from "../async-calls/async-call-service.ts";
import { openJournalQueue } from "../queue/journal/journal-queue.ts";
import type { Outcome } from "../queue/queue.ts";
import { ScheduleService } from "../schedules/schedule-service.ts";
import { ScheduleState } from "../schedules/schedule-state.ts";
import { Store } from "../state/store.ts";
import type { FakeClock } from "./fake-clock.ts";

export interface ScheduleRigOptions {
  readonly folder: string;
  readonly clock: FakeClock;
  /** Rejects as many runs, from the beginning on. */
  readonly rejections?: number;
  /** Nothing is written about runs, as if the server were killed before. */
  readonly isKilled?: boolean;
}

const log = pino({ level: "silent" });
const ref: EndpointRef = { org: "acme", endpoint: "jobs" };
const DONE: Outcome = { type: "done", note: new Uint8Array(), keepMs: 86_400_000 };

/** Opens the store, the queue and the state in a folder, and starts their schedules. */
async function openParts({ folder, clock, rejections = 0, isKilled = false }: ScheduleRigOptions) {
  const store = await Store.open(folder);
  const queue = await openJournalQueue({ folder: join(folder, "queue") });
  const limits = limitNumbers({});
  const calls = new AsyncCallService({
    ...{ queue, limitsOf: () => limits, policyOf: () => asyncPolicy(), revisionOf: () => undefined },
  });
  let isWritable = true;
  const assertLockHeld = async () => {
    if (!isWritable) throw new Error("killed");
  };
  const state = await ScheduleState.open({ file: join(folder, "schedules.jsonl"), assertLockHeld, log });
  isWritable = !isKilled;
  let rejected = 0;
  const accept = async (call: Parameters<AsyncCallService["accept"]>[0]) => {
    if (rejected++ < rejections) throw new Error("no room");
    return calls.accept(call);
  };
  const schedules = new ScheduleService({
    ...{ store, state, clock, log, calls: { accept }, findCall: (id) => queue.find(id) },
  });
  schedules.start();
  return { store, queue, schedules };
}

/** Schedules of one endpoint with their store and queue, whose calls tests end. */
export async function scheduleRig(options: ScheduleRigOptions) {
  const { clock } = options;
  const { store, queue, schedules } = await openParts(options);
  return {
    schedules,
    queue,
    /** Deploys the endpoint with schedules. */
    async deploy(...inputs: ScheduleInput[]): Promise<void> {
      const settings = withDefaults({ schedules: inputs });
      const at = new Date(clock.now()).toISOString();
      const current = { id: "r1", createdAt: at, artifact: { kind: "image" as const, reference: "x" }, settings };
      await store.changeEndpoint(ref, () => ({ createdAt: at, updatedAt: at, current }));
    },
    remove: () => store.changeEndpoint(ref, () => undefined),
    /** Lists the requests of the calls that have not been completed, the oldest first. */
    async calls() {
      const messages = queue.list({ group: "acme", limit: 1_000 }).toReversed();
      return Promise.all(
        messages
          .filter(({ status }) => status !== "done")
          .map(async ({ id, status }) => {
            const { request, body } = parseRecord((await queue.read(id))?.body ?? Buffer.alloc(0));
            const time = /X-Faas-Scheduled-Time: (\S+)/.exec(request.lines)?.[1];
            return { id, status, time, request, body: body.toString() };
          }),
      );
    },
    /** Lists the outcomes of a schedule as "HH:MM started" or "HH:MM reason". */
    outcomes(name: string): readonly string[] {
      const job = schedules.list("acme", "jobs").find((each) => each.schedule.name === name);
      return (job?.entry.outcomes ?? []).map(
        (each) => `${new Date(each.dueMs).toISOString().slice(11, 16)} ${"call" in each ? "started" : each.reason}`,
      );
    },
    /** Ends all calls. */
    async finish(): Promise<void> {
      for (
        let lease = (await queue.lease("acme/jobs", 1, 60_000))[0];
        lease;
        lease = (await queue.lease("acme/jobs", 1, 60_000))[0]
      )
        await queue.settle(lease, DONE);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await schedules[Symbol.asyncDispose]();
      await queue[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

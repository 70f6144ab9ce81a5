import { randomUUID } from "node:crypto";
import {
  type EndpointRef,
  endpointKey,
  endpointRef,
  FaasError,
  type Logger,
  nearest,
  type Schedule,
  type ScheduleView,
  sameValue,
  toProblem,
} from "@faas/core";
import type { AcceptedCall } from "@faas/gateway";
import type { AsyncCallService } from "../async-calls/async-call-service.ts";
import type { MessageState } from "../queue/queue.ts";
import { type EndpointRecord, servingRevision } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import type { Clock } from "./clock.ts";
import { decideRuns, ON_TIME_MS } from "./due-runs.ts";
import { callOf, dueTimes, followTimes, type Job, readableCron, timesOf } from "./job.ts";
import { OUTCOMES_MAX, type RunOutcome, type ScheduleState } from "./schedule-state.ts";
import { viewSchedule } from "./view-schedule.ts";

export interface ScheduleServiceOptions {
  readonly store: Pick<Store, "endpoints" | "subscribe">;
  readonly calls: Pick<AsyncCallService, "accept">;
  /** Finds a call by its id; undefined if it was removed. */
  readonly findCall: (id: string) => Pick<MessageState, "status"> | undefined;
  readonly state: ScheduleState;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called for each time of a schedule that is decided. */
  readonly onOutcome?: (ref: EndpointRef, outcome: RunOutcome) => void;
  /** Called when an endpoint was removed. */
  readonly onRemoved?: (ref: EndpointRef) => void;
}

/** Longest time between two looks at the clock: a timer stands still while a machine is suspended, and clocks are set. */
const LOOK_EVERY_MS = 30_000;
/** Pause after a run that could not be started, and time after which it is skipped. */
const RETRY_MS = 5_000;
const GIVE_UP_MS = 60_000;
/** Schedules whose runs are started at the same time. */
const BATCH = 256;

/**
 * Starts the runs of all schedules when they are due, as asynchronous calls. There is one on a data folder: after disposal, the next server continues with
 * the state that this one has written.
 */
export class ScheduleService implements AsyncDisposable {
  readonly #options: ScheduleServiceOptions;
  readonly #jobs = new Map<string, Map<string, Job>>();
  #running: Promise<void> | undefined;
  #cancelTimer = () => {};
  #stopListening = () => {};
  #isDisposed = false;

  constructor(options: ScheduleServiceOptions) {
    this.#options = options;
  }

  /** Takes over the schedules of all endpoints, and starts the timer. */
  start(): void {
    const { store, state, clock } = this.#options;
    const known = new Set<string>();
    for (const [ref, record] of store.endpoints()) {
      known.add(endpointKey(ref));
      // A schedule without an entry was registered when the server ended, or there is no state.
      this.#follow(ref, record, state.isNew ? clock.now() : Date.parse(record.updatedAt));
    }
    for (const key of state.endpoints()) if (!known.has(key)) this.#forget(endpointRef(key));
    this.#stopListening = store.subscribe((change) => {
      if (change.org === undefined || change.endpoint === undefined) return;
      const { record, org, endpoint } = change;
      const ref = { org, endpoint };
      if (record === null) {
        this.#forget(ref);
        this.#options.onRemoved?.(ref);
      } else this.#follow(ref, record, clock.now());
      this.#arm();
    });
    this.#arm();
  }

  /** Lists the schedules of an organization, or of an endpoint. */
  list(org: string, endpoint?: string): readonly Readonly<Job>[] {
    const keys =
      endpoint === undefined
        ? [...this.#jobs.keys()].filter((key) => key.startsWith(`${org}/`))
        : [`${org}/${endpoint}`];
    return keys.toSorted().flatMap((key) => [...(this.#jobs.get(key)?.values() ?? [])]);
  }

  /** Returns the schedules of an organization, or of an endpoint, as the control API shows them. */
  views(org: string, endpoint?: string): ScheduleView[] {
    const nowMs = this.#options.clock.now();
    return this.list(org, endpoint).map((job) => viewSchedule(job, nowMs, this.#options.findCall));
  }

  /**
   * Starts a run now, also of a schedule that is disabled. Unless runs may overlap, it begins when the previous one has ended.
   *
   * @throws SCHEDULE_NOT_FOUND, CALLS_LIMITED, QUEUE_FAILED
   */
  async runNow(ref: EndpointRef, name: string): Promise<AcceptedCall> {
    const job = this.#jobs.get(endpointKey(ref))?.get(name);
    if (job === undefined) throw this.#notFound(ref, name);
    const dueMs = this.#options.clock.now();
    const accepted = await this.#options.calls.accept(callOf(job, { dueMs, requestId: randomUUID(), isManual: true }));
    this.#record(job, job.entry.lastMs, [{ dueMs, call: accepted.id, isManual: true }]);
    return accepted;
  }

  /** Starts no further runs, and finishes those that are being started. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.#stopListening();
    this.#cancelTimer();
    await this.#running;
    await this.#options.state[Symbol.asyncDispose]();
  }

  /** Takes over the schedules of an endpoint's serving revision. @param sinceMs time from which new ones count */
  #follow(ref: EndpointRef, record: EndpointRecord, sinceMs: number): void {
    const { schedules = [] } = servingRevision(record).settings;
    const key = endpointKey(ref);
    const before = this.#jobs.get(key);
    const jobs = new Map<string, Job>();
    for (const schedule of schedules) {
      const job = this.#jobOf(ref, schedule, before?.get(schedule.name), sinceMs);
      if (job) jobs.set(schedule.name, job);
    }
    for (const name of this.#options.state.names(ref)) if (!jobs.has(name)) this.#options.state.remove(ref, name);
    if (jobs.size > 0) this.#jobs.set(key, jobs);
    else this.#jobs.delete(key);
  }

  #jobOf(ref: EndpointRef, schedule: Schedule, before: Job | undefined, sinceMs: number): Job | undefined {
    if (before && sameValue(before.schedule, schedule)) return before;
    const cron = readableCron(ref, schedule);
    if (cron === undefined) {
      this.#options.log.error({ ...ref, schedule: schedule.name }, "a schedule cannot be read, and has no runs");
      return undefined;
    }
    const times = timesOf(cron, schedule);
    if (before?.times === times) {
      before.schedule = schedule;
      return before;
    }
    const { state } = this.#options;
    const stored = state.get(ref, schedule.name);
    const entry =
      stored?.times === times ? stored : state.set(ref, schedule.name, { ...kept(stored), times, lastMs: sinceMs }, []);
    const job: Job = { ref, schedule, cron, times, entry, upcoming: [], nextMs: 0 };
    followTimes(job);
    return job;
  }

  #forget(ref: EndpointRef): void {
    this.#jobs.delete(endpointKey(ref));
    for (const name of this.#options.state.names(ref)) this.#options.state.remove(ref, name);
  }

  /** Sets the timer for the earliest time, and looks at the clock before if that is far. */
  #arm(): void {
    this.#cancelTimer();
    if (this.#isDisposed || this.#running) return;
    const nowMs = this.#options.clock.now();
    let next = nowMs + LOOK_EVERY_MS;
    for (const job of this.#all()) next = Math.min(next, job.pending?.retryMs ?? job.nextMs);
    this.#cancelTimer = this.#options.clock.after(Math.max(1, next - nowMs), () => this.#look());
  }

  #look(): void {
    this.#running ??= this.#runDue()
      .catch((err) => this.#options.log.error({ err }, "failed to start the runs of schedules, will retry"))
      .finally(() => {
        this.#running = undefined;
        this.#arm();
      });
  }

  async #runDue(): Promise<void> {
    const nowMs = this.#options.clock.now();
    const due: Job[] = [];
    for (const job of this.#all()) {
      if (job.entry.lastMs > nowMs + ON_TIME_MS) this.#putBack(job, nowMs);
      if ((job.pending?.retryMs ?? job.nextMs) <= nowMs) due.push(job);
    }
    for (let from = 0; from < due.length && !this.#isDisposed; from += BATCH)
      await Promise.all(due.slice(from, from + BATCH).map((job) => this.#run(job, nowMs)));
  }

  /** Follows a clock that was put back. Times that come again have the same idempotency keys. */
  #putBack(job: Job, nowMs: number): void {
    job.entry = { ...job.entry, lastMs: nowMs };
    job.upcoming = [];
    followTimes(job);
  }

  async #run(job: Job, nowMs: number): Promise<void> {
    const outcomes: RunOutcome[] = [];
    job.pending ??= this.#decide(job, nowMs, outcomes);
    const { pending } = job;
    for (let dueMs = pending.runs[0]; dueMs !== undefined && !this.#isDisposed; dueMs = pending.runs[0]) {
      try {
        const { id } = await this.#options.calls.accept(
          callOf(job, { dueMs, requestId: randomUUID(), isManual: false }),
        );
        outcomes.push({ dueMs, call: id });
      } catch (error) {
        if (nowMs - pending.sinceMs < GIVE_UP_MS) {
          pending.retryMs = nowMs + RETRY_MS;
          break;
        }
        outcomes.push({ dueMs, reason: "rejected", detail: reasonOf(error) });
        this.#options.log.error({ err: error, ...job.ref, schedule: job.schedule.name }, "a scheduled run was skipped");
      }
      pending.runs.shift();
    }
    // Times that are decided, but not started, are decided again by the next server.
    const isDone = pending.runs.length === 0;
    if (isDone) delete job.pending;
    if (outcomes.length > 0 || isDone) this.#record(job, isDone ? pending.untilMs : job.entry.lastMs, outcomes);
  }

  /** Decides which runs begin, and adds the skipped ones to the outcomes. */
  #decide(job: Job, nowMs: number, outcomes: RunOutcome[]) {
    const { schedule, entry } = job;
    const { missed, overlap } = schedule;
    const count = Math.max(OUTCOMES_MAX, typeof missed === "number" ? missed : 1);
    const dueMs = dueTimes(job, nowMs, count);
    const rules = { ...(missed === undefined ? {} : { missed }), ...(overlap === undefined ? {} : { overlap }) };
    const { runs, skipped } = decideRuns({ dueMs, nowMs, ...rules, isRunning: this.#isRunning(entry.call) });
    for (const { dueMs: time, reason } of skipped)
      outcomes.push({ dueMs: time, reason, ...(reason === "overlap" ? { detail: overlapOf(entry.call) } : {}) });
    return { runs: [...runs], untilMs: dueMs.at(-1) ?? nowMs, sinceMs: nowMs, retryMs: nowMs };
  }

  #isRunning(call: string | undefined): boolean {
    const status = call === undefined ? undefined : this.#options.findCall(call)?.status;
    return status === "waiting" || status === "leased";
  }

  #record(job: Job, lastMs: number, outcomes: readonly RunOutcome[]): void {
    const { ref, schedule, times, entry } = job;
    for (const outcome of outcomes) this.#options.onOutcome?.(ref, outcome);
    // The schedule was changed or removed meanwhile.
    if (this.#jobs.get(endpointKey(ref))?.get(schedule.name) !== job) return;
    const calls = outcomes.flatMap((outcome) => ("call" in outcome ? [outcome.call] : []));
    const call = calls.at(-1) ?? entry.call;
    job.entry = this.#options.state.set(
      ref,
      schedule.name,
      { times, lastMs, ...(call === undefined ? {} : { call }) },
      outcomes,
    );
    followTimes(job);
  }

  *#all(): Generator<Job> {
    for (const jobs of this.#jobs.values()) yield* jobs.values();
  }

  #notFound(ref: EndpointRef, name: string): FaasError {
    const suggestion = nearest(name, this.#jobs.get(endpointKey(ref))?.keys() ?? []);
    const hint = suggestion === undefined ? "" : `; did you mean "${suggestion}"?`;
    return new FaasError("SCHEDULE_NOT_FOUND", `The endpoint ${endpointKey(ref)} has no schedule "${name}"${hint}`, {
      extensions: suggestion === undefined ? {} : { suggestion },
    });
  }
}

const overlapOf = (call: string | undefined) => `the previous run ${call} had not ended`;

const reasonOf = (error: unknown): string => {
  const { code, detail } = toProblem(error, "");
  return `${code}: ${detail}`;
};

const kept = (entry: { readonly call?: string } | undefined) => (entry?.call === undefined ? {} : { call: entry.call });

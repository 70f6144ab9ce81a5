import type { EndpointSpec, Logger } from "@faas/core";
import {
  type EndpointRegistry,
  maxReplicas,
  minReplicas,
  type OutlierDetector,
  type ServedEndpoint as Served,
} from "@faas/gateway";
import type { CpuScaler } from "./cpu-scaler.ts";
import type { Policy } from "./desired-replicas.ts";
import { HeapTrim } from "./heap-trim.ts";
import { IdlePolicy } from "./idle-policy.ts";
import { LoadWindow, SAMPLE_MS, SAMPLES_PER_DECISION } from "./load-window.ts";
import { RoomMaker } from "./room/room-maker.ts";
import { StuckCalls } from "./stuck-calls.ts";
import { WarmSchedule } from "./warm-schedule.ts";

type ServedEndpoint = Served<EndpointSpec>;

export interface AutoscalerOptions {
  readonly registry: EndpointRegistry<EndpointSpec>;
  /** Finds slow replicas of the gateway in this process. Absent: all gateways are in other processes, and do it themselves. */
  readonly outliers?: OutlierDetector;
  /** Changes the CPU limits of replicas. Absent: the platform has none. */
  readonly cpu?: CpuScaler | undefined;
  /** Warm windows of the endpoints. @defaultValue there are none */
  readonly warm?: WarmSchedule;
  /** Returns true while there may be calls that no gateway reports: then no endpoint is idle. */
  readonly mayHaveUnseenCalls?: () => boolean;
  readonly log?: Pick<Logger, "info">;
  /** Returns milliseconds since the epoch. @defaultValue Date.now */
  readonly now?: () => number;
}

/** Time until replicas that are stopping are reported as such. */
const STRAY_MS = 5_000;
/** Longest sleep before the next look at the clock, which may be set, or have stood still with the machine. */
const MAX_SLEEP_MS = 60_000;

/** Loop around the scalers of replicas and CPU, the idle policy and outlier detection. It runs over the endpoints that have replicas, and rests while there are none. */
export class Autoscaler implements Disposable {
  readonly #registry: EndpointRegistry<EndpointSpec>;
  readonly #now: () => number;
  readonly #mayHaveUnseenCalls: () => boolean;
  readonly #outliers: OutlierDetector | undefined;
  readonly #cpu: CpuScaler | undefined;
  readonly #warm: WarmSchedule;
  readonly #loads = new WeakMap<ServedEndpoint, LoadWindow>();
  readonly #idlePolicy = new IdlePolicy();
  /** Endpoints with ready replicas although none are desired, and since when. */
  readonly #strays = new WeakMap<ServedEndpoint, number>();
  readonly #roomMaker = new RoomMaker((endpoint, now) => this.#warm.floorOf(endpoint, now));
  readonly #log: AutoscalerOptions["log"];
  readonly #stuckCalls = new StuckCalls();
  readonly #heapTrim = new HeapTrim();
  #timer: NodeJS.Timeout | undefined;
  /** Fires when the next endpoint should wake up, while none is awake. */
  #wakeTimer: NodeJS.Timeout | undefined;
  #samples = 0;
  /** True once the platform has listed what runs already. */
  #hasFirstList = false;
  #disposed = false;

  constructor(options: AutoscalerOptions) {
    this.#registry = options.registry;
    this.#outliers = options.outliers;
    this.#cpu = options.cpu;
    this.#warm = options.warm ?? new WarmSchedule();
    this.#mayHaveUnseenCalls = options.mayHaveUnseenCalls ?? (() => false);
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
  }

  /** Starts the replicas of open warm windows, which until now might have run already. */
  onFirstList(): void {
    this.#hasFirstList = true;
    this.#sleep();
  }

  /** Follows the warm windows of an endpoint; to be called by the registry. */
  onSpec(endpoint: ServedEndpoint): void {
    if (this.#warm.follow(endpoint)) this.#sleep();
  }

  /** Forgets the warm windows of a removed endpoint; to be called by the registry. */
  onRemoved(endpoint: ServedEndpoint): void {
    this.#warm.forget(endpoint);
  }

  /** Starts the loop when an endpoint gets its first replica; to be called by the registry. */
  onAwake(): void {
    if (this.#disposed) return;
    this.#heapTrim.cancel();
    clearTimeout(this.#wakeTimer);
    this.#timer ??= setInterval(() => this.sample(), SAMPLE_MS).unref();
  }

  /** Reacts to the load that a gateway in another process reports at once, not at the next sample: the report has waited for up to `SAMPLE_MS`. */
  onLoad(endpoint: ServedEndpoint): void {
    this.#cpu?.sample(endpoint, this.#now());
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#wakeTimer);
    this.#heapTrim.cancel();
  }

  /** Samples the load of all awake endpoints; decides on those under pressure, and on all every fifth time. To be called every `SAMPLE_MS`. */
  sample(): void {
    const now = this.#now();
    for (const endpoint of this.#registry.awake) {
      this.#outliers?.sample(endpoint);
      this.#cpu?.sample(endpoint, now);
      if (this.#stuckCalls.sample(endpoint, now)) this.#addForStuckCalls(endpoint, now);
      if (this.#isScaled(endpoint, now) && this.#load(endpoint).sample(endpoint.totalInFlight, endpoint.totalWaiting))
        this.#scale(endpoint, now);
      if (endpoint.status?.lacksRoom && !this.#mayHaveUnseenCalls()) this.#makeRoom(endpoint, now);
    }
    if (++this.#samples < SAMPLES_PER_DECISION) return;
    this.#samples = 0;
    this.#decide();
  }

  #decide(): void {
    const now = this.#now();
    const mayBeBusy = this.#mayHaveUnseenCalls();
    for (const endpoint of this.#idlePolicy.takeDue(now)) this.#registry.wake(endpoint);
    if (this.#hasFirstList) this.#startDue(now);
    for (const endpoint of this.#registry.awake) {
      this.#outliers?.detect(endpoint, now);
      this.#decideOne(endpoint, mayBeBusy, now);
    }
    if (this.#registry.awake.size > 0) return;
    if (this.#timer !== undefined) this.#heapTrim.schedule();
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#sleep();
  }

  /** Sets the timer for the next endpoint that should wake up, unless the loop runs. */
  #sleep(): void {
    clearTimeout(this.#wakeTimer);
    if (this.#timer !== undefined || this.#disposed) return;
    const now = this.#now();
    const warmMs = this.#hasFirstList ? this.#warm.nextMs(now) : undefined;
    const dueMs = Math.min(warmMs ?? Number.POSITIVE_INFINITY, this.#idlePolicy.nextDueMs ?? Number.POSITIVE_INFINITY);
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#wakeTimer = setTimeout(() => this.#decide(), Math.min(dueMs - now, MAX_SLEEP_MS)).unref();
  }

  /** Starts the first replicas of endpoints whose warm windows are open. */
  #startDue(now: number): void {
    for (const endpoint of this.#warm.takeDue(now)) this.#registry.wake(endpoint, this.#minReplicas(endpoint, now));
  }

  #decideOne(endpoint: ServedEndpoint, mayBeBusy: boolean, now: number): void {
    // A request in flight counts as a request.
    if (endpoint.totalInFlight + endpoint.totalWaiting > 0 || endpoint.deploying || mayBeBusy)
      endpoint.lastRequestMs = now;
    if (endpoint.desired === 0) {
      this.#stopStrays(endpoint, now);
      return;
    }
    this.#strays.delete(endpoint);
    if (this.#idlePolicy.isIdle(endpoint, now) && this.#warm.floorOf(endpoint, now) === 0) {
      this.#putToSleep(endpoint, now);
      return;
    }
    // A fixed number, and the minimum of an autoscaler, can differ when it was unavailable before, or a previous server left another one.
    const min = this.#minReplicas(endpoint, now);
    if (endpoint.spec.scaler !== "concurrency" && endpoint.desired !== min && !endpoint.deploying)
      this.#registry.scale(endpoint, min);
  }

  /**
   * Stops ready replicas of an endpoint for which none are desired, once it is idle: the platform may have started them although it reported a failure. Calls
   * that come meanwhile use them, and make them desired.
   */
  #stopStrays(endpoint: ServedEndpoint, now: number): void {
    const sinceMs = this.#strays.get(endpoint) ?? now;
    this.#strays.set(endpoint, sinceMs);
    if (endpoint.replicas.length === 0) this.#strays.delete(endpoint);
    else if (now - sinceMs >= STRAY_MS && !endpoint.deploying && this.#idlePolicy.isIdle(endpoint, now)) {
      this.#strays.delete(endpoint);
      this.#registry.scale(endpoint, 0);
    }
  }

  #makeRoom(needy: ServedEndpoint, now: number): void {
    for (const { endpoint, keep } of this.#roomMaker.victimsFor(needy, this.#registry.awake, now)) {
      if (keep >= endpoint.desired) continue;
      if (keep === 0) this.#putToSleep(endpoint, now);
      else this.#registry.scale(endpoint, keep);
      this.#log?.info(
        { endpoint: endpoint.key, to: needy.key, keep },
        "idle replicas give way to one that finds no room",
      );
    }
  }

  #addForStuckCalls(endpoint: ServedEndpoint, now: number): void {
    const replicas = this.#minReplicas(endpoint, now);
    if (replicas <= endpoint.desired) return;
    this.#log?.info({ endpoint: endpoint.key, replicas }, "calls reach none of the replicas, starting another one");
    this.#registry.scale(endpoint, replicas);
  }

  #putToSleep(endpoint: ServedEndpoint, now: number): void {
    this.#loads.delete(endpoint);
    this.#stuckCalls.forget(endpoint);
    this.#cpu?.rest(endpoint);
    this.#idlePolicy.onSleep(endpoint, now);
    this.#registry.scale(endpoint, 0);
  }

  #scale(endpoint: ServedEndpoint, now: number): void {
    const { desired } = endpoint;
    const policy = this.#policyOf(endpoint, now);
    const forCpu = Math.min(policy.maxReplicas, this.#cpu?.minReplicas(endpoint, now) ?? 0);
    const replicas = Math.max(forCpu, this.#load(endpoint).decide(desired, policy, now));
    if (replicas > desired && this.#cpu?.mayAbsorb(endpoint, now)) return;
    if (replicas !== desired) this.#registry.scale(endpoint, replicas);
    else endpoint.limited = undefined;
  }

  #load(endpoint: ServedEndpoint): LoadWindow {
    let load = this.#loads.get(endpoint);
    if (!load) {
      load = new LoadWindow();
      this.#loads.set(endpoint, load);
    }
    return load;
  }

  /** Returns the replicas of an endpoint in use now, by its settings, its warm windows, and the calls that reach no replica. */
  #minReplicas(endpoint: ServedEndpoint, now: number): number {
    const bySettings = Math.max(minReplicas(endpoint.spec), this.#warm.floorOf(endpoint, now));
    return Math.max(bySettings, this.#stuckCalls.minReplicas(endpoint, now));
  }

  #policyOf(endpoint: ServedEndpoint, now: number): Policy {
    const { spec } = endpoint;
    const { concurrency } = spec;
    const min = this.#minReplicas(endpoint, now);
    return { concurrency, minReplicas: min, maxReplicas: Math.max(min, maxReplicas(spec)) };
  }

  /** Returns true when the number of replicas depends on the load. */
  #isScaled(endpoint: ServedEndpoint, now: number): boolean {
    const { spec, desired } = endpoint;
    if (desired === 0 || spec.scaler !== "concurrency") return false;
    return minReplicas(spec) < maxReplicas(spec) || desired !== this.#minReplicas(endpoint, now);
  }
}

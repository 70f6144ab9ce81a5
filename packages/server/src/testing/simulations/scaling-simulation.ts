import { exponential, type Random, seeded } from "@faas/testing";
import type { Policy } from "../../autoscaler/desired-replicas.ts";
import { LoadWindow, SAMPLE_MS } from "../../autoscaler/load-window.ts";

/** Load on an endpoint in simulated time, for tests and charts. Each request and replica is simulated, with slots as in the gateway. */
export interface Scenario {
  readonly seconds: number;
  /** Requests per second at a time in seconds; they arrive as a Poisson process. */
  readonly rate: (second: number) => number;
  readonly serviceMs: (random: Random) => number;
  readonly coldStartMs: number;
  /** Requests that a replica may have in flight. */
  readonly concurrency: number;
  readonly seed?: number;
}

/** Input of a scaler. */
interface Observation {
  readonly atMs: number;
  readonly ready: number;
  readonly desired: number;
  /** Average share of occupied slots of the ready replicas since the last decision, 0 to 1. */
  readonly utilization: number;
}

export interface Scaler {
  readonly everyMs?: number;
  /** Called ten times a second. Returns true to decide now. */
  sample?(inFlight: number, waiting: number): boolean;
  /** Returns the desired number of replicas. */
  decide(observation: Observation): number;
}

/** Figures of a simulation at the end of a second. */
export interface Second {
  readonly second: number;
  /** Requests that arrived during the second. */
  readonly arrived: number;
  readonly inFlight: number;
  readonly waiting: number;
  readonly ready: number;
  readonly desired: number;
}

export interface Simulated {
  readonly seconds: readonly Second[];
  /** Changes of the desired number. */
  readonly changes: readonly { readonly atMs: number; readonly desired: number }[];
  /** Time that each answered request waited for a slot, in the order in which they got one. */
  readonly waitedMs: Float64Array;
  /** Integral of the ready replicas over time. */
  readonly replicaSeconds: number;
}

/** Returns the requests per second in an hour: a calm quarter, a wave, and a sudden peak of five minutes. */
export function waveAndPeak(second: number): number {
  if (second >= 2400 && second < 2700) return 600;
  return second < 600 ? 20 : 20 + 180 * Math.sin(((second - 600) / 3000) * Math.PI) ** 2;
}

/** Returns the scaler of the server. */
export function concurrencyScaler(policy: Policy): Scaler {
  const load = new LoadWindow();
  return {
    sample: (inFlight, waiting) => load.sample(inFlight, waiting),
    decide: ({ desired, atMs }) => load.decide(desired, policy, atMs),
  };
}

/**
 * Returns a scaler that decides as a HorizontalPodAutoscaler by default, with a CPU target of 60 %: every 15 s, from the CPU of the last 15 s, with a
 * tolerance of 10 %, growth to at most twice as many or four more, and shrinking to the highest number of the last 5 minutes. Utilization of slots
 * stands for CPU.
 * https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
 */
export function horizontalPodAutoscaler({ minReplicas, maxReplicas }: Policy): Scaler {
  const target = 0.6;
  let recent: { atMs: number; replicas: number }[] = [];
  return {
    everyMs: 15_000,
    decide({ atMs, utilization, ready, desired }) {
      const usage = utilization / target;
      const now = Math.abs(usage - 1) <= 0.1 ? desired : Math.ceil(ready * usage);
      const bounded = Math.min(Math.max(now, minReplicas), maxReplicas, Math.max(desired * 2, desired + 4));
      recent = [...recent.filter((each) => each.atMs > atMs - 300_000), { atMs, replicas: bounded }];
      return bounded >= desired ? bounded : Math.max(...recent.map(({ replicas }) => Math.min(replicas, desired)));
    },
  };
}

/** Runs a scenario that starts with one ready replica. The same seed gives every scaler the same arrivals and service times. */
export function simulate(scenario: Scenario, scaler: Scaler): Simulated {
  return new Simulation(scenario, scaler).run();
}

interface SimulatedReplica {
  inFlight: number;
  ready: boolean;
  stopped: boolean;
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #scaler: Scaler;
  readonly #arrivals: Random;
  readonly #services: Random;
  readonly #events = new EventQueue();
  readonly #waiting: number[] = [];
  #firstWaiting = 0;
  #replicas: SimulatedReplica[] = [{ inFlight: 0, ready: true, stopped: false }];
  #now = 0;
  #inFlight = 0;
  #ready = 1;
  #desired = 1;
  #arrived = 0;
  /** Integrals over time since the last decision: occupied slots, and slots of ready replicas. */
  #occupiedSlotMs = 0;
  #slotMs = 0;
  #replicaMs = 0;
  readonly #seconds: Second[] = [];
  readonly #changes: { atMs: number; desired: number }[] = [];
  readonly #waited: number[] = [];

  constructor(scenario: Scenario, scaler: Scaler) {
    this.#scenario = scenario;
    this.#scaler = scaler;
    this.#arrivals = seeded(scenario.seed ?? 1);
    this.#services = seeded((scenario.seed ?? 1) + 1);
  }

  run(): Simulated {
    const end = this.#scenario.seconds * 1000;
    this.#nextArrival();
    if (this.#scaler.sample) this.#every(SAMPLE_MS, () => this.#sample());
    if (this.#scaler.everyMs) this.#every(this.#scaler.everyMs, () => this.#decide());
    this.#every(1000, () => this.#record());
    while (this.#events.nextMs <= end) {
      this.#advanceTo(this.#events.nextMs);
      const event = this.#events.shift();
      if (typeof event === "function") event();
      else this.#finish(event);
    }
    return {
      seconds: this.#seconds,
      changes: this.#changes,
      waitedMs: Float64Array.from(this.#waited),
      replicaSeconds: this.#replicaMs / 1000,
    };
  }

  #advanceTo(atMs: number): void {
    const elapsed = atMs - this.#now;
    this.#occupiedSlotMs += elapsed * this.#inFlight;
    this.#slotMs += elapsed * this.#ready * this.#scenario.concurrency;
    this.#replicaMs += elapsed * this.#ready;
    this.#now = atMs;
  }

  #every(ms: number, happen: () => void): void {
    const again = () => {
      happen();
      this.#events.add(this.#now + ms, again);
    };
    this.#events.add(ms, again);
  }

  #nextArrival(): void {
    const rate = this.#scenario.rate(this.#now / 1000);
    // No arrivals now: check again in 100 ms.
    if (rate <= 0) this.#events.add(this.#now + 100, () => this.#nextArrival());
    else this.#events.add(this.#now + exponential(this.#arrivals, 1000 / rate), this.#arrive);
  }

  readonly #arrive = () => {
    this.#arrived++;
    this.#waiting.push(this.#now);
    this.#serve();
    this.#nextArrival();
  };

  #finish(replica: SimulatedReplica): void {
    replica.inFlight--;
    this.#inFlight--;
    this.#serve();
  }

  #serve(): void {
    while (this.#firstWaiting < this.#waiting.length) {
      const replica = this.#free();
      if (replica === undefined) return;
      this.#waited.push(this.#now - (this.#waiting[this.#firstWaiting++] as number));
      replica.inFlight++;
      this.#inFlight++;
      this.#events.add(this.#now + this.#scenario.serviceMs(this.#services), replica);
    }
  }

  #free(): SimulatedReplica | undefined {
    let best: SimulatedReplica | undefined;
    for (const replica of this.#replicas) {
      if (replica.ready && replica.inFlight < (best?.inFlight ?? this.#scenario.concurrency)) best = replica;
    }
    return best;
  }

  #sample(): void {
    if (this.#scaler.sample?.(this.#inFlight, this.#waiting.length - this.#firstWaiting)) this.#decide();
  }

  #decide(): void {
    const desired = this.#scaler.decide({
      atMs: this.#now,
      ready: this.#ready,
      desired: this.#desired,
      utilization: this.#slotMs === 0 ? 0 : this.#occupiedSlotMs / this.#slotMs,
    });
    this.#occupiedSlotMs = 0;
    this.#slotMs = 0;
    if (desired === this.#desired) return;
    this.#desired = desired;
    this.#changes.push({ atMs: this.#now, desired });
    while (this.#replicas.length < desired) this.#start();
    for (const replica of this.#replicas.splice(desired)) {
      replica.stopped = true;
      if (replica.ready) this.#ready--;
    }
  }

  #start(): void {
    const replica: SimulatedReplica = { inFlight: 0, ready: false, stopped: false };
    this.#replicas.push(replica);
    this.#events.add(this.#now + this.#scenario.coldStartMs, () => {
      if (replica.stopped) return;
      replica.ready = true;
      this.#ready++;
      this.#serve();
    });
  }

  #record(): void {
    this.#seconds.push({
      second: this.#now / 1000,
      arrived: this.#arrived,
      inFlight: this.#inFlight,
      waiting: this.#waiting.length - this.#firstWaiting,
      ready: this.#ready,
      desired: this.#desired,
    });
    this.#arrived = 0;
  }
}

/** Event of a simulation: a request ends in a replica, or a function is called. */
type Event = SimulatedReplica | (() => void);

/** Binary heap with the earliest event first. Times and events are in arrays of their own: most of a simulation is spent here. */
class EventQueue {
  #times = new Float64Array(1024);
  readonly #events: Event[] = [];

  /** Time of the earliest event; infinite without one. */
  get nextMs(): number {
    return this.#events.length === 0 ? Number.POSITIVE_INFINITY : (this.#times[0] as number);
  }

  add(atMs: number, event: Event): void {
    const events = this.#events;
    let at = events.length;
    if (at === this.#times.length) this.#grow();
    const times = this.#times;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((times[parent] as number) <= atMs) break;
      times[at] = times[parent] as number;
      events[at] = events[parent] as Event;
      at = parent;
    }
    times[at] = atMs;
    events[at] = event;
  }

  /** Removes the earliest event of a queue that is not empty. */
  shift(): Event {
    const [events, times] = [this.#events, this.#times];
    const first = events[0] as Event;
    const last = events.pop() as Event;
    const { length } = events;
    if (length === 0) return first;
    const lastMs = times[length] as number;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && (times[child + 1] as number) < (times[child] as number)) child++;
      if ((times[child] as number) >= lastMs) break;
      times[at] = times[child] as number;
      events[at] = events[child] as Event;
      at = child;
    }
    times[at] = lastMs;
    events[at] = last;
    return first;
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2);
    times.set(this.#times);
    this.#times = times;
  }
}

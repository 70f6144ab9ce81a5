import { exponential, type Random, seeded } from "@faas/testing";
import type { Policy } from "../autoscaler/desired-replicas.ts";
import { LOOK_MS, LoadMemory } from "../autoscaler/load-window.ts";

/** For tests and pictures: an endpoint under load, in simulated time. Requests and replicas are one by one, places as the gateway has them. */
export interface Scenario {
  readonly seconds: number;
  /** Requests per second that arrive at a time in seconds; by chance, as a Poisson process. */
  readonly rate: (second: number) => number;
  readonly serviceMs: (random: Random) => number;
  readonly coldStartMs: number;
  /** Requests that a replica may have at a time. */
  readonly concurrency: number;
  readonly seed?: number;
}

/** What a scaler gets to see. */
export interface Seen {
  readonly atMs: number;
  readonly ready: number;
  readonly desired: number;
  /** Of all places of the ready replicas, how many were taken on average since the last decision, 0 to 1. */
  readonly busy: number;
}

export interface Scaler {
  readonly everyMs?: number;
  /** Called ten times a second. `true`: it wants to decide now. */
  look?(inFlight: number, waiting: number): boolean;
  /** Replicas to ask for. */
  decide(seen: Seen): number;
}

/** One second of a simulation, at its end. */
export interface Second {
  readonly second: number;
  /** Requests that arrived in it. */
  readonly arrived: number;
  readonly inFlight: number;
  readonly waiting: number;
  readonly ready: number;
  readonly desired: number;
}

export interface Simulated {
  readonly seconds: readonly Second[];
  /** When the number that is asked for changed, and to what. */
  readonly changes: readonly { readonly atMs: number; readonly desired: number }[];
  /** How long each answered request waited for a place, in the order in which they got one. */
  readonly waitedMs: Float64Array;
  /** Ready replicas over time. */
  readonly replicaSeconds: number;
}

/** Requests per second in an hour: a calm quarter, a wave, and a peak that comes at once and stays for five minutes. */
export function waveAndPeak(second: number): number {
  if (second >= 2400 && second < 2700) return 600;
  return second < 600 ? 20 : 20 + 180 * Math.sin(((second - 600) / 3000) * Math.PI) ** 2;
}

/** The scaler of the server. */
export function ours(policy: Policy): Scaler {
  const memory = new LoadMemory();
  return {
    look: (inFlight, waiting) => memory.look(inFlight, waiting),
    decide: ({ desired, atMs }) => memory.decide(desired, policy, atMs),
  };
}

/**
 * As a HorizontalPodAutoscaler decides by default, on a CPU target of 60 %: every 15 s, by the CPU of the last 15 s, nothing within a
 * tolerance of 10 %, at most twice as many or four more, down to the most that was wanted in 5 minutes. CPU is taken for the share of taken places.
 * https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
 */
export function horizontalPodAutoscaler({ least, most }: Policy): Scaler {
  const target = 0.6;
  let wanted: { atMs: number; replicas: number }[] = [];
  return {
    everyMs: 15_000,
    decide({ atMs, busy, ready, desired }) {
      const usage = busy / target;
      const now = Math.abs(usage - 1) <= 0.1 ? desired : Math.ceil(ready * usage);
      const bounded = Math.min(Math.max(now, least), most, Math.max(desired * 2, desired + 4));
      wanted = [...wanted.filter((each) => each.atMs > atMs - 300_000), { atMs, replicas: bounded }];
      return bounded >= desired ? bounded : Math.max(...wanted.map(({ replicas }) => Math.min(replicas, desired)));
    },
  };
}

/** Runs a scenario from one ready replica on. The same seed gives the same arrivals and service times to every scaler. */
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
  /** Since the last decision: milliseconds x places taken, and x places. */
  #taken = 0;
  #places = 0;
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
    if (this.#scaler.look) this.#every(LOOK_MS, () => this.#look());
    if (this.#scaler.everyMs) this.#every(this.#scaler.everyMs, () => this.#decide());
    this.#every(1000, () => this.#note());
    for (let event = this.#events.shift(); event && event.atMs <= end; event = this.#events.shift()) {
      this.#passTo(event.atMs);
      event.happen();
    }
    return {
      seconds: this.#seconds,
      changes: this.#changes,
      waitedMs: Float64Array.from(this.#waited),
      replicaSeconds: this.#replicaMs / 1000,
    };
  }

  #passTo(atMs: number): void {
    const passed = atMs - this.#now;
    this.#taken += passed * this.#inFlight;
    this.#places += passed * this.#ready * this.#scenario.concurrency;
    this.#replicaMs += passed * this.#ready;
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
    // Nobody comes now: look again in a while.
    if (rate <= 0) {
      this.#events.add(this.#now + 100, () => this.#nextArrival());
      return;
    }
    this.#events.add(this.#now + exponential(this.#arrivals, 1000 / rate), () => {
      this.#arrived++;
      this.#waiting.push(this.#now);
      this.#serve();
      this.#nextArrival();
    });
  }

  #serve(): void {
    while (this.#firstWaiting < this.#waiting.length) {
      const replica = this.#free();
      if (replica === undefined) return;
      this.#waited.push(this.#now - (this.#waiting[this.#firstWaiting++] as number));
      replica.inFlight++;
      this.#inFlight++;
      this.#events.add(this.#now + this.#scenario.serviceMs(this.#services), () => {
        replica.inFlight--;
        this.#inFlight--;
        this.#serve();
      });
    }
  }

  #free(): SimulatedReplica | undefined {
    let best: SimulatedReplica | undefined;
    for (const replica of this.#replicas) {
      if (replica.ready && replica.inFlight < (best?.inFlight ?? this.#scenario.concurrency)) best = replica;
    }
    return best;
  }

  #look(): void {
    if (this.#scaler.look?.(this.#inFlight, this.#waiting.length - this.#firstWaiting)) this.#decide();
  }

  #decide(): void {
    const desired = this.#scaler.decide({
      atMs: this.#now,
      ready: this.#ready,
      desired: this.#desired,
      busy: this.#places === 0 ? 0 : this.#taken / this.#places,
    });
    this.#taken = 0;
    this.#places = 0;
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

  #note(): void {
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

interface Event {
  readonly atMs: number;
  readonly happen: () => void;
}

/** A binary heap: the earliest first. */
class EventQueue {
  readonly #heap: Event[] = [];

  add(atMs: number, happen: () => void): void {
    const heap = this.#heap;
    const event = { atMs, happen };
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((heap[parent] as Event).atMs <= atMs) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  shift(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Event).atMs < (heap[child] as Event).atMs) child++;
      if ((heap[child] as Event).atMs >= last.atMs) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

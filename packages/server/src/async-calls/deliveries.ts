import { type AsyncPolicy, FaasError, type Logger, toProblem } from "@faas/core";
import { type Delivery, type DeliveryResponse, type PartListener, parseRecord } from "@faas/gateway";
import type { DecidedDelivery } from "../destinations/pass-on.ts";
import type { Lease, Outcome, Queue } from "../queue/queue.ts";
import { decideOutcome, type EndedDelivery } from "./decide-outcome.ts";
import { DeliveryWindows } from "./delivery-windows.ts";

/** Delivers a call to its endpoint, once. Aborting ends it without a response. */
export type Deliver = (delivery: Delivery, signal: AbortSignal, onPart?: PartListener) => Promise<DeliveryResponse>;

export interface DeliveriesOptions {
  readonly queue: Queue;
  readonly deliver: Deliver;
  /** Tells whether calls of a topic are delivered here. */
  readonly takes: (topic: string) => boolean;
  /** Stores what follows from the end of a call before it is stored itself. Returns the outcome to store. */
  readonly beforeEnd?: (delivery: DecidedDelivery) => Promise<Outcome>;
  /** Returns the rules for the calls of a topic: "org/endpoint". */
  readonly policyOf: (key: string) => AsyncPolicy;
  /** Returns how many calls of a topic may be delivered at the same time. */
  readonly windowOf: (key: string) => number;
  /** Returns how many calls of an organization may be delivered at the same time. */
  readonly orgWindowOf: (org: string) => number;
  /** Called when the outcome of a delivery is stored. */
  readonly onOutcome?: (delivery: EndedDelivery & Pick<Lease, "topic" | "id">, outcome: Outcome) => void;
  readonly log: Logger;
  /** @defaultValue Math.random */
  readonly random?: () => number;
}

/** Time of a lease; it is extended while the delivery is in progress. */
const LEASE_MS = 60_000;
const EXTEND_EVERY_MS = 20_000;
/** Calls of one endpoint that are leased at a time. */
const BATCH = 32;
/** Pause of an endpoint's deliveries when there was no room for one. */
const PAUSE_MS = 250;
/** Body of a response that is kept. */
const MAX_RESPONSE_BYTES = 6 * 2 ** 20;
/** Time for deliveries in progress when the server stops. */
const FINISH_MS = 5_000;

/** Response to a call whose request was damaged in the queue. */
const DAMAGED: DeliveryResponse = {
  ...{ status: 500, from: "gateway", headers: [], bytes: 0 },
  body: Buffer.from(
    JSON.stringify(
      toProblem(
        new FaasError(
          "STATE_DAMAGED",
          "The stored request of the call does not match its checksum, so it was not delivered. Call again",
        ),
      ),
    ),
  ),
};

/** Delivers calls of a queue to where they go, as many at a time as their windows allow. */
export class Deliveries implements AsyncDisposable {
  readonly #options: DeliveriesOptions;
  readonly #windows: DeliveryWindows;
  readonly #leases = new Set<Lease>();
  readonly #running = new Set<Promise<void>>();
  readonly #ending = new AbortController();
  readonly #pauses = new Set<NodeJS.Timeout>();
  #stopListening = () => {};
  #extending: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: DeliveriesOptions) {
    this.#options = options;
    this.#windows = new DeliveryWindows(options.windowOf, options.orgWindowOf, (topic) => this.#pump(topic));
  }

  /** Starts to deliver. */
  start(): void {
    const { queue } = this.#options;
    this.#stopListening = queue.onReady((topic) => this.#pump(topic));
    this.#extending = setInterval(() => this.#extendAll(), EXTEND_EVERY_MS);
    this.#extending.unref();
    for (const topic of queue.topics()) this.#pump(topic);
  }

  /** Starts no further deliveries, and waits for those in progress for a limited time. The server that starts next delivers the rest again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#stopListening();
    const timer = setTimeout(() => this.#ending.abort(), FINISH_MS);
    // Leases that were under way become deliveries.
    while (this.#running.size > 0) await Promise.all(this.#running);
    clearTimeout(timer);
    clearInterval(this.#extending);
    for (const pause of this.#pauses) clearTimeout(pause);
  }

  /** Delivers calls of an endpoint while there are some, and room for them. */
  #pump(topic: string): void {
    if (this.#stopped || !this.#options.takes(topic)) return;
    const count = this.#windows.reserve(topic, BATCH);
    if (count === 0) return;
    const run = this.#leaseAndDeliver(topic, count).catch((err) =>
      this.#options.log.error({ err, endpoint: topic }, "asynchronous calls could not be delivered, will retry"),
    );
    this.#track(run);
  }

  async #leaseAndDeliver(topic: string, count: number): Promise<void> {
    let leases: readonly Lease[] = [];
    try {
      leases = await this.#options.queue.lease(topic, count, LEASE_MS);
    } catch (error) {
      this.#pause(topic);
      throw error;
    } finally {
      this.#windows.release(topic, count - leases.length, leases.length === count);
    }
    for (const lease of leases) this.#track(this.#stopped ? this.#giveBack(lease) : this.#deliver(lease));
  }

  async #deliver(lease: Lease): Promise<void> {
    const { queue, deliver, policyOf, beforeEnd, onOutcome, log, random = Math.random } = this.#options;
    const { topic, id, attempt } = lease;
    this.#leases.add(lease);
    try {
      if (lease.isDamaged) return await this.#fail(lease);
      const { request, body } = parseRecord(lease.body);
      const requestId = `${id}.${attempt}`;
      const lines = `X-Faas-Call-Id: ${id}\r\nX-Faas-Attempt: ${attempt}\r\n`;
      const startedMs = Date.now();
      const delivery = { request, body, requestId, lines, maxResponseBytes: MAX_RESPONSE_BYTES };
      const response = await deliver(delivery, this.#ending.signal);
      const ended = { response, call: request, attempt, requestId, startedMs, endedMs: Date.now() };
      const policy = policyOf(topic);
      const decided = decideOutcome(ended, policy, random);
      const outcome = (await beforeEnd?.({ lease, request, outcome: decided, policy })) ?? decided;
      if (outcome.type === "retry" && outcome.isUncounted) this.#pause(topic);
      if (await queue.settle(lease, outcome)) onOutcome?.({ ...ended, topic, id }, outcome);
    } catch (err) {
      // The lease ends by itself, and the call is delivered again.
      log.error(
        { err, endpoint: topic, call: id },
        "the outcome of an asynchronous call could not be stored, will retry",
      );
      this.#pause(topic);
    } finally {
      this.#leases.delete(lease);
      this.#windows.release(topic, 1, true);
    }
  }

  /** Fails a call whose request cannot be read: nothing can be delivered, or passed on. */
  async #fail(lease: Lease): Promise<void> {
    const { queue, policyOf, onOutcome, random = Math.random } = this.#options;
    const { topic, id, attempt } = lease;
    const nowMs = Date.now();
    const ended = {
      ...{ response: DAMAGED, call: { method: "", target: "" }, attempt, requestId: `${id}.${attempt}` },
      ...{ startedMs: nowMs, endedMs: nowMs },
    };
    const outcome = decideOutcome(ended, policyOf(topic), random);
    if (await queue.settle(lease, outcome)) onOutcome?.({ ...ended, topic, id }, outcome);
  }

  /** Ends a lease as if it had never begun. */
  async #giveBack(lease: Lease): Promise<void> {
    const { queue, log } = this.#options;
    try {
      await queue.settle(lease, { type: "retry", dueMs: Date.now(), isUncounted: true });
    } catch (err) {
      log.warn({ err, call: lease.id }, "a lease could not be given back: it ends by itself");
    } finally {
      this.#windows.release(lease.topic, 1, false);
    }
  }

  #track(run: Promise<void>): void {
    this.#running.add(run);
    void run.finally(() => this.#running.delete(run));
  }

  #pause(topic: string): void {
    this.#windows.pause(topic);
    const timer = setTimeout(() => {
      this.#pauses.delete(timer);
      this.#windows.resume(topic);
    }, PAUSE_MS);
    this.#pauses.add(timer);
  }

  #extendAll(): void {
    const { queue, log } = this.#options;
    for (const lease of this.#leases)
      queue.extend(lease, LEASE_MS).catch((err) => log.warn({ err, call: lease.id }, "a lease could not be extended"));
  }
}

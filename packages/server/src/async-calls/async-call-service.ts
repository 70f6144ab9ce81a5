import {
  type AsyncCall,
  type AsyncCallList,
  type AsyncCallState,
  type AsyncPolicy,
  type EndpointRef,
  endpointKey,
  FaasError,
  formatSize,
  type LimitNumbers,
} from "@faas/core";
import { type AcceptedCall, type AsyncCallAcceptor, formatRecord, type NewAsyncCall } from "@faas/gateway";
import { urlTopicOf } from "../destinations/destination-topic.ts";
import type { ListFilter, MessageState, NewMessage, Queue, StoredMessage, Totals } from "../queue/queue.ts";
import { withDepth } from "./call-depth.ts";
import { parseNote } from "./delivery-note.ts";
import { hasEnded, messageStatusOf, summarizeCall, viewCall } from "./view-call.ts";

export interface AsyncCallsOptions {
  readonly queue: Queue;
  readonly limitsOf: (org: string) => Pick<LimitNumbers, "waitingCalls" | "waitingBytes">;
  /** Returns the rules for the calls of an endpoint. @param key "org/endpoint" */
  readonly policyOf: (key: string) => AsyncPolicy;
  /** Returns the serving revision of an endpoint; undefined if there is no such endpoint. */
  readonly revisionOf: (key: string) => string | undefined;
}

/** Choice of calls. */
export interface CallFilter {
  readonly endpoint?: string | undefined;
  readonly states?: readonly AsyncCallState[] | undefined;
  /** Only calls that were accepted before the one with this id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** Response of a function to an asynchronous call. */
export interface StoredResponse {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Asynchronous calls: accepts them into the queue, and shows, repeats and drops them. */
export class AsyncCallService implements AsyncCallAcceptor, Disposable {
  readonly #options: AsyncCallsOptions;
  #isClosed = false;

  constructor(options: AsyncCallsOptions) {
    this.#options = options;
  }

  async accept(call: NewAsyncCall): Promise<AcceptedCall> {
    if (this.#isClosed) throw new FaasError("SERVER_STOPPING", "The server is stopping, or another one takes over");
    const message = this.#messageOf(call);
    this.#checkLimits(call.org, message.body.length);
    return this.#options.queue.enqueue(message);
  }

  /**
   * Accepts a call that takes the place of one that has ended: the limits of the organization, which the other one has met, do not apply. Also while the
   * server stops, until its deliveries have ended.
   *
   * @throws LOOP_DETECTED, QUEUE_FAILED
   */
  async acceptNext(call: NewAsyncCall): Promise<AcceptedCall> {
    return this.#options.queue.enqueue(this.#messageOf(call));
  }

  #messageOf({ body, request, ...call }: NewAsyncCall): NewMessage {
    const { policyOf } = this.#options;
    const { idempotencyKey, orderKey, delayMs } = call;
    const key = endpointKey(call);
    const topic = request.destination === undefined ? key : urlTopicOf(key);
    const isPinned = request.revision === undefined && policyOf(key).revision === "enqueue";
    const serving = isPinned ? (call.servingRevision ?? this.#options.revisionOf(key)) : undefined;
    const revision = serving === undefined ? {} : { revision: serving };
    const record = formatRecord({ ...request, ...revision, lines: withDepth(request.lines) }, body);
    return {
      ...{ topic, body: record },
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      ...(orderKey === undefined ? {} : { orderKey }),
      ...(delayMs === undefined ? {} : { dueMs: Date.now() + delayMs }),
    };
  }

  /** Accepts no further calls. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
  }

  /**
   * Returns a call.
   *
   * @throws CALL_NOT_FOUND
   */
  async get(org: string, id: string): Promise<AsyncCall> {
    return viewCall(await this.#read(org, id));
  }

  /**
   * Returns a call when it has ended, or as it is when the signal aborts.
   *
   * @throws CALL_NOT_FOUND
   */
  async waitForEnd(org: string, id: string, signal: AbortSignal): Promise<AsyncCall> {
    for await (const call of this.follow(org, id, signal))
      if (call.state === "completed" || call.state === "failed") return call;
    return this.get(org, id);
  }

  /**
   * Yields a call whenever it has changed, until it has ended, is removed, or the signal aborts.
   *
   * @throws CALL_NOT_FOUND
   */
  async *follow(org: string, id: string, signal: AbortSignal): AsyncGenerator<AsyncCall> {
    const { queue } = this.#options;
    let wake = () => {};
    let isChanged = false;
    const onEvent = () => {
      isChanged = true;
      wake();
    };
    const stop = queue.onChange(id, onEvent);
    signal.addEventListener("abort", onEvent);
    try {
      while (true) {
        // Changes during the read may be missing in its result.
        isChanged = false;
        const call = await this.#read(org, id);
        yield viewCall(call);
        if (hasEnded(call)) return;
        if (!isChanged && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
        if (signal.aborted || queue.find(id) === undefined) return;
      }
    } finally {
      stop();
      signal.removeEventListener("abort", onEvent);
    }
  }

  /**
   * Returns the last response of the function.
   *
   * @throws CALL_NOT_FOUND
   * @throws CALL_NOT_ENDED
   */
  async response(org: string, id: string): Promise<StoredResponse> {
    const message = await this.#read(org, id);
    const last = message.notes.at(-1);
    const { note, body } = last === undefined ? {} : parseNote(last);
    if (!hasEnded(message))
      throw new FaasError(
        "CALL_NOT_ENDED",
        `The call ${id} has no response yet: it is ${summarizeCall(message).state}`,
      );
    if (note?.status === undefined || note.headers === undefined || body === undefined)
      throw new FaasError(
        "CALL_NOT_ENDED",
        `The call ${id} has failed without a response of the function: ${note?.detail ?? "its deliveries show why"}`,
      );
    return { status: note.status, headers: note.headers, body };
  }

  /** Lists calls of an organization, the newest first, with their totals. */
  list(org: string, { endpoint, states, before, limit }: CallFilter): AsyncCallList {
    const { queue } = this.#options;
    const filter: ListFilter = {
      ...{ group: org, limit },
      ...(states === undefined ? {} : { status: states.map(messageStatusOf) }),
      ...(before === undefined ? {} : { before }),
    };
    const key = endpoint === undefined ? undefined : endpointKey({ org, endpoint });
    const topics = key === undefined ? [] : [key, urlTopicOf(key)];
    const messages =
      key === undefined
        ? queue.list(filter)
        : topics
            .flatMap((topic) => queue.list({ ...filter, topic }))
            // Ids sort by time.
            .sort((a, b) => (a.id < b.id ? 1 : -1));
    const totals =
      key === undefined ? queue.groupTotals(org) : topics.map((topic) => queue.topicTotals(topic)).reduce(sum);
    const { waiting, leased, done, dead, bodyBytes } = totals;
    return {
      calls: messages.slice(0, limit).map(summarizeCall),
      totals: { waiting, running: leased, completed: done, failed: dead, bytes: bodyBytes },
    };
  }

  /**
   * Delivers a failed or waiting call now, with all its attempts again.
   *
   * @throws CALL_NOT_FOUND
   */
  async retry(org: string, id: string): Promise<AsyncCall> {
    const message = this.#find(org, id);
    if (message.status === "done")
      throw new FaasError("CALL_NOT_FOUND", `The call ${id} has been completed: expected one that has failed or waits`);
    await this.#options.queue.replay(id);
    return this.get(org, id);
  }

  /**
   * Removes a call, whatever its state. A delivery in progress ends by itself.
   *
   * @throws CALL_NOT_FOUND
   */
  async drop(org: string, id: string): Promise<void> {
    this.#find(org, id);
    await this.#options.queue.drop(id);
  }

  /** Removes all calls of an endpoint that was removed. */
  async dropEndpoint(ref: EndpointRef): Promise<void> {
    const key = endpointKey(ref);
    for (const topic of [key, urlTopicOf(key)]) await this.#options.queue.dropTopic(topic);
  }

  /** Returns the calls of an organization that have not been completed, and the bytes of their bodies. */
  use(org: string): { readonly waitingCalls: number; readonly waitingBytes: number } {
    const { waiting, leased, dead, bodyBytes } = this.#options.queue.groupTotals(org);
    return { waitingCalls: waiting + leased + dead, waitingBytes: bodyBytes };
  }

  #checkLimits(org: string, bytes: number): void {
    const limits = this.#options.limitsOf(org);
    const use = this.use(org);
    if (use.waitingCalls >= limits.waitingCalls)
      throw new FaasError(
        "CALLS_LIMITED",
        `The organization "${org}" may have ${limits.waitingCalls} asynchronous calls that are not completed, and has as many; "faas calls ${org}" shows them`,
        { extensions: { limit: "waitingCalls", used: use.waitingCalls, allowed: limits.waitingCalls } },
      );
    if (use.waitingBytes + bytes > limits.waitingBytes)
      throw new FaasError(
        "CALLS_LIMITED",
        `The asynchronous calls of the organization "${org}" may have ${formatSize(limits.waitingBytes)} together, and this one would exceed that; "faas calls ${org}" shows them`,
        { extensions: { limit: "waitingBytes", used: use.waitingBytes, allowed: limits.waitingBytes } },
      );
  }

  #find(org: string, id: string): MessageState {
    const message = this.#options.queue.find(id);
    if (message === undefined || !message.topic.startsWith(`${org}/`)) throw callNotFound(org, id);
    return message;
  }

  async #read(org: string, id: string): Promise<StoredMessage> {
    this.#find(org, id);
    const message = await this.#options.queue.read(id);
    if (message === undefined) throw callNotFound(org, id);
    return message;
  }
}

const sum = (a: Totals, b: Totals): Totals => ({
  waiting: a.waiting + b.waiting,
  leased: a.leased + b.leased,
  done: a.done + b.done,
  dead: a.dead + b.dead,
  bodyBytes: a.bodyBytes + b.bodyBytes,
});

const callNotFound = (org: string, id: string) =>
  new FaasError("CALL_NOT_FOUND", `There is no asynchronous call "${id}" in "${org}"`);

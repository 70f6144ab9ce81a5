import { performance } from "node:perf_hooks";
import { startIntervals } from "@faas/core";
import { withoutQuery } from "../http/request-path.ts";
import type { FinishedCall } from "../metrics/access-log.ts";
import type { Attempt, CallTrace, Wait } from "./call-trace.ts";
import { newSpanId } from "./random-ids.ts";
import { type Attributes, epochOffsetMs, type SpanSink } from "./span.ts";
import { SPAN_KIND } from "./span-kind.ts";
import { type Interval, parseWrapperTimes, within } from "./wrapper-times.ts";

/** A finished call whose trace is recorded. */
export interface TracedCall extends FinishedCall {
  readonly arrived: number;
}

/** Stages that take next to no time, unless a call waits in them: shorter ones have no span. */
const SHORT_MS = 0.5;
/** Methods in names of spans: others could be anything (OpenTelemetry, "HTTP spans"). */
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

/** Calls whose spans are created at a time: a call in a hundred is too rare for the processor's caches. */
const MAX_WAITING = 32;

interface FinishedTrace {
  readonly call: TracedCall;
  readonly trace: CallTrace;
  /** `performance.now()` at the end of the call, and what it lacked to milliseconds since the epoch. */
  readonly now: number;
  readonly offset: number;
}

/** Creates the spans of finished calls, of several at a time: their own, those of the stages that they passed, and those of the wrapper. */
export class CallSpanBatch {
  readonly #sink: SpanSink;
  #waiting: FinishedTrace[] = [];

  constructor(sink: SpanSink) {
    this.#sink = sink;
  }

  /** Takes a finished call. Returns true if it waits until {@link createWaiting}. */
  add(call: TracedCall, trace: CallTrace): boolean {
    this.#waiting.push({ call, trace, now: performance.now(), offset: epochOffsetMs() });
    // The stages of a start are known as long as there is the replica.
    if (call.cold || this.#waiting.length === MAX_WAITING) this.createWaiting();
    return this.#waiting.length > 0;
  }

  createWaiting(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const finished of waiting) new CallSpans(this.#sink, finished).add();
  }
}

class CallSpans {
  readonly #sink: SpanSink;
  readonly #call: TracedCall;
  readonly #trace: CallTrace;
  readonly #offset: number;
  readonly #now: number;
  #coldSpanId: string | undefined;

  constructor(sink: SpanSink, { call, trace, now, offset }: FinishedTrace) {
    this.#sink = sink;
    this.#call = call;
    this.#trace = trace;
    this.#now = now;
    this.#offset = offset;
  }

  add(): void {
    const { arrived } = this.#call;
    const { context, waits, attempts } = this.#trace;
    this.#addCall();
    const { admit: admitted, queueFairly: queued, activate: activated } = this.#trace.began;
    this.#stage("route", arrived, admitted ?? this.#now);
    if (admitted !== undefined) this.#longStage("admit", admitted, queued ?? this.#now);
    if (queued !== undefined) this.#longStage("queue", queued, activated ?? this.#now, { "faas.queue.for": "turn" });
    for (const wait of waits) this.#addWait(wait);
    for (const attempt of attempts) this.#addAttempt(attempt, context.spanId);
  }

  #addCall(): void {
    const {
      main: endpoint = this.#call.endpoint,
      request,
      requestId,
      target,
      status,
      cold,
      servedBy,
      arrived,
    } = this.#call;
    const { parent, context, state, failure } = this.#trace;
    const method = request.method ?? "";
    this.#sink.add({
      ...context,
      parentId: parent?.spanId,
      isParentRemote: parent !== undefined,
      traceState: state,
      name: `${METHODS.has(method) ? method : "HTTP"} /${endpoint.key}`,
      kind: SPAN_KIND.server,
      beganMs: this.#offset + arrived,
      endedMs: this.#offset + this.#now,
      attributes: {
        "http.request.method": method,
        "http.route": `/${endpoint.key}`,
        "url.path": withoutQuery(target),
        "http.response.status_code": status,
        "faas.trigger": "http",
        "faas.name": endpoint.key,
        "faas.invocation_id": requestId,
        "faas.coldstart": cold,
        ...(servedBy === undefined ? {} : { "faas.instance": servedBy.id, "faas.version": servedBy.revision }),
        ...(failure === undefined ? {} : { "error.type": failure }),
      },
      error: status >= 500 ? (failure ?? "") : undefined,
    });
  }

  #addWait({ began, ended, coldMs }: Wait): void {
    const ready = began + coldMs;
    if (coldMs > 0) {
      this.#coldSpanId = this.#stage("cold start", began, ready);
      this.#addStartStages({ began, ended: ready }, this.#coldSpanId);
    }
    if (ended > ready) this.#stage("queue", ready, ended, { "faas.queue.for": "slot" });
  }

  /** Adds the stages of the replica's start that the platform observed; the last one ended when the replica was ready. */
  #addStartStages(cold: Interval, parentId: string): void {
    const { endpoint, servedBy } = this.#call;
    const replica = endpoint.status?.replicas.find(({ id }) => id === servedBy?.id);
    for (const { stage, began, ended } of startIntervals(replica?.start ?? [], cold.began, cold.ended))
      this.#stage(stage, began, ended, undefined, parentId);
  }

  #addAttempt({ spanId, replica, began, ended = this.#now, times, error }: Attempt, parentId: string): void {
    const parsed = times === undefined ? undefined : parseWrapperTimes(times);
    // The function's own spans have the id that the replica received as their parent: the wrapper's span, if there is one.
    const forwardId = parsed === undefined ? spanId : newSpanId();
    const { status } = this.#call;
    const { traceId, state: traceState } = this.#trace;
    const forward = { began: this.#offset + began, ended: this.#offset + ended };
    this.#sink.add({
      traceId,
      spanId: forwardId,
      parentId,
      traceState,
      name: "forward",
      kind: SPAN_KIND.client,
      beganMs: forward.began,
      endedMs: forward.ended,
      attributes: replica === undefined ? {} : { "faas.instance": replica },
      error,
    });
    if (parsed === undefined) return;
    const resource = functionResource(this.#call);
    const { handler, load } = parsed;
    const { began: beganMs, ended: endedMs } = within(handler, forward);
    this.#sink.add({
      traceId,
      spanId,
      parentId: forwardId,
      isParentRemote: true,
      traceState,
      name: "handler",
      kind: SPAN_KIND.server,
      beganMs,
      endedMs,
      error: status >= 500 ? "" : undefined,
      resource,
    });
    const cold = this.#call.cold ? this.#trace.waits.find(({ coldMs }) => coldMs > 0) : undefined;
    if (load === undefined || cold === undefined) return;
    const coldInterval = { began: this.#offset + cold.began, ended: this.#offset + cold.began + cold.coldMs };
    const loaded = within(load, coldInterval);
    const coldId = this.#coldSpanId ?? parentId;
    this.#sink.add({
      ...{ traceId, traceState, spanId: newSpanId(), parentId: coldId, name: "load", kind: SPAN_KIND.internal },
      ...{ beganMs: loaded.began, endedMs: loaded.ended, resource },
    });
  }

  #longStage(name: string, began: number, ended: number, attributes?: Attributes): void {
    if (ended - began >= SHORT_MS) this.#stage(name, began, ended, attributes);
  }

  /** Adds a span. Returns its id. */
  #stage(
    name: string,
    began: number,
    ended: number,
    attributes?: Attributes,
    parentId = this.#trace.context.spanId,
  ): string {
    const spanId = newSpanId();
    this.#sink.add({
      traceId: this.#trace.traceId,
      spanId,
      parentId,
      traceState: this.#trace.state,
      name,
      kind: SPAN_KIND.internal,
      beganMs: this.#offset + began,
      endedMs: this.#offset + ended,
      attributes,
    });
    return spanId;
  }
}

const resources = new WeakMap<object, Attributes>();

/** Returns the attributes of the wrapper that a call was sent to, the same object for all calls of a replica. */
function functionResource({ endpoint: called, main: endpoint = called, servedBy }: TracedCall): Attributes {
  const owner = servedBy ?? endpoint;
  let resource = resources.get(owner);
  if (resource === undefined) {
    resource = {
      "service.name": endpoint.key,
      "faas.name": endpoint.key,
      ...(servedBy === undefined
        ? {}
        : { "service.version": servedBy.revision, "service.instance.id": servedBy.id, "faas.instance": servedBy.id }),
    };
    resources.set(owner, resource);
  }
  return resource;
}

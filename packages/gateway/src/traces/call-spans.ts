import { performance } from "node:perf_hooks";
import type { StartStage } from "@faas/core";
import type { FinishedCall } from "../metrics/access-log.ts";
import type { Attempt, CallTrace, Wait } from "./call-trace.ts";
import { newSpanId } from "./random-ids.ts";
import { type Attributes, epochOffsetMs, type Span, type SpanSink } from "./span.ts";
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

/** Creates the spans of a finished call: its own, those of the stages that it passed, and those of the wrapper. */
export function addCallSpans(sink: SpanSink, call: TracedCall, trace: CallTrace): void {
  new CallSpans(sink, call, trace).add();
}

class CallSpans {
  readonly #sink: SpanSink;
  readonly #call: TracedCall;
  readonly #trace: CallTrace;
  readonly #offset = epochOffsetMs();
  readonly #now = performance.now();

  constructor(sink: SpanSink, call: TracedCall, trace: CallTrace) {
    this.#sink = sink;
    this.#call = call;
    this.#trace = trace;
  }

  add(): void {
    const { arrived } = this.#call;
    const { context, stages, waits, attempts } = this.#trace;
    this.#addCall();
    const at = (name: string) => stages.find(([stage]) => stage === name)?.[1];
    const admitted = at("admit");
    const queued = at("queueFairly");
    const activated = at("activate");
    this.#stage("route", arrived, admitted ?? this.#now);
    if (admitted !== undefined) this.#longStage("admit", admitted, queued ?? this.#now);
    if (queued !== undefined) this.#longStage("queue", queued, activated ?? this.#now, { "faas.queue.for": "turn" });
    for (const wait of waits) this.#addWait(wait);
    for (const attempt of attempts) this.#addAttempt(attempt, context.spanId);
  }

  #addCall(): void {
    const { endpoint, request, requestId, target, status, cold, servedBy, arrived } = this.#call;
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
        "url.path": pathOf(target),
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
      const spanId = this.#stage("cold start", began, ready);
      this.#addStartStages({ began, ended: ready }, spanId);
    }
    if (ended > ready) this.#stage("queue", ready, ended, { "faas.queue.for": "slot" });
  }

  /** Adds the stages of the replica's start that the platform observed; the last one ended when the replica was ready. */
  #addStartStages(cold: Interval, parentId: string): void {
    const { endpoint, servedBy } = this.#call;
    const replica = endpoint.status?.replicas.find(({ id }) => id === servedBy?.id);
    const stages: readonly StartStage[] = replica?.start ?? [];
    const last = stages.at(-1);
    if (last === undefined) return;
    let began = Math.max(cold.began, cold.ended - last.atMs);
    for (const { stage, atMs } of stages) {
      const ended = Math.max(began, cold.ended - last.atMs + atMs);
      this.#stage(stage, began, ended, undefined, parentId);
      began = ended;
    }
  }

  #addAttempt({ spanId, replica, began, ended = this.#now, times, error }: Attempt, parentId: string): void {
    const parsed = times === undefined ? undefined : parseWrapperTimes(times);
    // The function's own spans have the id that the replica received as their parent: the wrapper's span, if there is one.
    const forwardId = parsed === undefined ? spanId : newSpanId();
    const { status } = this.#call;
    this.#add({
      ...{ spanId: forwardId, parentId, name: "forward", kind: SPAN_KIND.client },
      ...{ beganMs: this.#offset + began, endedMs: this.#offset + ended },
      attributes: replica === undefined ? {} : { "faas.instance": replica },
      error,
    });
    if (parsed === undefined) return;
    const resource = this.#functionResource();
    const { handler, load } = parsed;
    const forward = { began: this.#offset + began, ended: this.#offset + ended };
    const { began: beganMs, ended: endedMs } = within(handler, forward);
    this.#add({
      ...{ spanId, parentId: forwardId, name: "handler", kind: SPAN_KIND.server, beganMs, endedMs, resource },
      error: status >= 500 ? "" : undefined,
    });
    const cold = this.#call.cold ? this.#trace.waits.find(({ coldMs }) => coldMs > 0) : undefined;
    if (load === undefined || cold === undefined) return;
    const coldInterval = { began: this.#offset + cold.began, ended: this.#offset + cold.began + cold.coldMs };
    const loaded = within(load, coldInterval);
    const coldId = this.#coldSpanId ?? parentId;
    this.#add({
      ...{ spanId: newSpanId(), parentId: coldId, name: "load", kind: SPAN_KIND.internal, resource },
      ...{ beganMs: loaded.began, endedMs: loaded.ended },
    });
  }

  #coldSpanId: string | undefined;

  #functionResource(): Attributes {
    const { endpoint, servedBy } = this.#call;
    return {
      "service.name": endpoint.key,
      "faas.name": endpoint.key,
      ...(servedBy === undefined
        ? {}
        : { "service.version": servedBy.revision, "service.instance.id": servedBy.id, "faas.instance": servedBy.id }),
    };
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
    if (name === "cold start") this.#coldSpanId = spanId;
    const beganMs = this.#offset + began;
    const endedMs = this.#offset + ended;
    this.#add({
      spanId,
      parentId,
      name,
      kind: SPAN_KIND.internal,
      beganMs,
      endedMs,
      ...(attributes && { attributes }),
    });
    return spanId;
  }

  #add(span: Omit<Span, "traceId" | "traceState">): void {
    this.#sink.add({ ...span, traceId: this.#trace.traceId, traceState: this.#trace.state });
  }
}

/** Returns the path without the query string, which may contain secrets. */
function pathOf(target: string): string {
  const question = target.indexOf("?");
  return question < 0 ? target : target.slice(0, question);
}

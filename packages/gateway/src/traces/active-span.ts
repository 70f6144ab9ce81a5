import { performance } from "node:perf_hooks";
import { type StartStage, startIntervals } from "@faas/core";
import { newSpanId, newTraceId } from "./random-ids.ts";
import type { Sampler } from "./sampler.ts";
import { type AttributeValue, epochOffsetMs, type SpanSink } from "./span.ts";
import { SPAN_KIND, type SpanKind } from "./span-kind.ts";
import { formatTraceparent, parseTraceparent, type TraceContext } from "./trace-context.ts";

/** Spans outside of the data path: deployments and requests of the control API. */
export interface SpanFactory {
  /**
   * Begins a span.
   *
   * @param traceparent of the parent; absent: the span begins a trace
   */
  begin(name: string, kind?: SpanKind, traceparent?: string): ActiveSpan;
}

/** Creates a factory whose spans are recorded as the sampler decides. */
export function spanFactory(sampler: Sampler, sink: SpanSink): SpanFactory {
  return {
    begin(name, kind = SPAN_KIND.internal, traceparent = "") {
      const parent = parseTraceparent(traceparent);
      const traceId = parent?.traceId ?? newTraceId();
      const sampled = parent === undefined ? sampler.samples(traceId) : sampler.follows(parent);
      const context = { traceId, spanId: newSpanId(), sampled, random: parent?.random ?? true };
      return new ActiveSpan({
        name,
        kind,
        context,
        sink,
        parentId: parent?.spanId,
        isParentRemote: parent !== undefined,
      });
    },
  };
}

interface ActiveSpanOptions {
  readonly name: string;
  readonly kind: SpanKind;
  readonly context: TraceContext;
  readonly sink: SpanSink;
  readonly parentId: string | undefined;
  readonly isParentRemote: boolean;
}

/** A span that has begun. */
export class ActiveSpan {
  readonly #options: ActiveSpanOptions;
  readonly #began = performance.now();
  readonly #attributes: Record<string, AttributeValue> = {};
  #name: string;
  #isEnded = false;

  constructor(options: ActiveSpanOptions) {
    this.#options = options;
    this.#name = options.name;
  }

  /** Value of the header `traceparent` for what runs within this span. */
  get traceparent(): string {
    return formatTraceparent(this.#options.context);
  }

  get traceId(): string {
    return this.#options.context.traceId;
  }

  rename(name: string): void {
    this.#name = name;
  }

  set(name: string, value: AttributeValue): void {
    this.#attributes[name] = value;
  }

  /** Begins a span within this one. */
  child(name: string, kind: SpanKind = SPAN_KIND.internal): ActiveSpan {
    const { context, sink } = this.#options;
    return new ActiveSpan({
      ...{ name, kind, sink, isParentRemote: false },
      context: { ...context, spanId: newSpanId() },
      parentId: context.spanId,
    });
  }

  /** Adds the stages of a replica's start, the last of which ends now, as spans within this one. */
  addStages(stages: readonly StartStage[]): void {
    const { context, sink } = this.#options;
    if (!context.sampled) return;
    const offset = epochOffsetMs();
    for (const { stage: name, began, ended } of startIntervals(stages, this.#began, performance.now()))
      sink.add({
        ...{ traceId: context.traceId, spanId: newSpanId(), parentId: context.spanId, name, kind: SPAN_KIND.internal },
        ...{ beganMs: offset + began, endedMs: offset + ended },
      });
  }

  /** Ends the span; later calls do nothing. @param error the reason, if it failed */
  end(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { context, kind, sink, parentId, isParentRemote } = this.#options;
    const { traceId, spanId, sampled } = context;
    if (!sampled) return;
    const offset = epochOffsetMs();
    sink.add({
      ...{ traceId, spanId, parentId, isParentRemote, name: this.#name, kind },
      beganMs: offset + this.#began,
      endedMs: offset + performance.now(),
      attributes: this.#attributes,
      error: error === undefined ? undefined : error instanceof Error ? error.message : String(error),
    });
  }
}

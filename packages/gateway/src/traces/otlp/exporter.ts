import type { BatchSettings } from "../settings.ts";
import type { Attributes, Span, SpanSink } from "../span.ts";
import { encodeSpans } from "./encoding.ts";

/** Result of sending a batch. */
export interface SendResult {
  /** Absent: the batch was accepted. */
  readonly problem?: string;
  /** Spans that are lost. @defaultValue all of the batch */
  readonly lost?: number;
  /** Milliseconds after which the batch can be sent again; absent: it must not be. */
  readonly retryMs?: number;
}

/** Sends the body of an export request. */
export type SendBatch = (body: string) => Promise<SendResult>;

export interface ExporterOptions {
  readonly batch: BatchSettings;
  readonly send: SendBatch;
  /** Attributes of this process. */
  readonly resource: Attributes;
  /** Version of the program. */
  readonly version: string;
  readonly log: { warn(fields: object, message: string): void };
  /** Called before spans are sent: adds those that are still to be created. */
  readonly beforeSend?: () => void;
}

/** Attempts for one batch. */
const MAX_ATTEMPTS = 5;
/** Time between two messages about failures. */
const REPORT_MS = 60_000;
/** Longest time that the end of the process waits for the last spans. */
const FINAL_MS = 3_000;

/** Collects spans and sends them in batches, outside of the path of calls. Spans that cannot be sent in time are dropped. */
export class SpanExporter implements SpanSink, AsyncDisposable {
  readonly #options: ExporterOptions;
  #queue: Span[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #isClosing = false;
  #wake: (() => void) | undefined;
  #dropped = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  /** Takes a finished span. Runs for every span of a sampled call. */
  add(span: Span): void {
    const { maxQueue, maxBatch } = this.#options.batch;
    if (this.#queue.length >= maxQueue) {
      this.#drop(1, "more spans than can be sent");
      return;
    }
    this.#queue.push(span);
    if (this.#queue.length === maxBatch) this.#start();
    else this.expect();
  }

  /** Makes sure that spans are sent after the usual delay, also those that are still to be created. */
  expect(): void {
    this.#timer ??= setTimeout(() => this.#start(), this.#options.batch.delayMs).unref();
  }

  /** Sends what is left, for a limited time. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosing = true;
    this.#wake?.();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FINAL_MS);
    });
    await Promise.race([this.#flush(), limit]);
    clearTimeout(timer);
    clearTimeout(this.#timer);
  }

  async #flush(): Promise<void> {
    this.#options.beforeSend?.();
    while (this.#sending !== undefined || this.#queue.length > 0) {
      this.#start();
      await this.#sending;
    }
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#options.beforeSend?.();
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const spans = this.#queue.splice(0, this.#options.batch.maxBatch);
      await this.#sendBatch(spans);
    }
  }

  async #sendBatch(spans: readonly Span[]): Promise<void> {
    const { send, resource, version } = this.#options;
    const body = encodeSpans(spans, resource, version);
    for (let attempt = 1; ; attempt++) {
      const { problem, retryMs, lost = spans.length } = await send(body).catch(failure);
      if (problem === undefined) return;
      if (retryMs === undefined || attempt === MAX_ATTEMPTS || this.#isClosing) {
        this.#drop(lost, problem);
        return;
      }
      await this.#delay(retryMs * 2 ** (attempt - 1));
    }
  }

  #delay(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #drop(spans: number, reason: string): void {
    this.#dropped += spans;
    const now = performance.now();
    if (now - this.#reportedAt < REPORT_MS) return;
    this.#reportedAt = now;
    this.#options.log.warn({ dropped: this.#dropped, reason }, "spans are missing in the traces");
    this.#dropped = 0;
  }
}

const RETRY_MS = 1_000;
const failure = (error: Error): SendResult => ({ problem: error.message, retryMs: RETRY_MS });

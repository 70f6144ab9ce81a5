import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { eventually } from "./eventually.ts";

/** Span as a {@link TraceReceiver} received it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Absent at the first span of a trace. */
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly name: string;
  readonly kind: number;
  /** Milliseconds since the epoch. */
  readonly beganMs: number;
  readonly endedMs: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** `service.name` of its resource. */
  readonly service: string;
  readonly isError: boolean;
}

interface OtlpValue {
  readonly stringValue?: string;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
}

type OtlpAttributes = readonly { readonly key: string; readonly value: OtlpValue }[];

/** Endpoint for spans: a plain HTTP server that understands OTLP with JSON, and keeps all spans in memory. */
export class TraceReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  /** Headers of the requests, with their path as `:path`. */
  readonly requests: (IncomingHttpHeaders & { readonly ":path": string })[] = [];
  /** Status of the next responses, in order; then 200. */
  readonly statuses: number[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { headers, url = "" } = request;
      this.requests.push({ ...headers, ":path": url });
      const status = this.statuses.shift() ?? 200;
      const body = Buffer.concat(chunks);
      if (status === 200) this.#take((headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString());
      response.writeHead(status, { "content-type": "application/json" }).end("{}");
    });
  }

  static async start(): Promise<TraceReceiver> {
    const receiver = new TraceReceiver();
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Variables with which a program sends its spans here, soon. */
  get env(): Record<string, string> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: this.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "20",
    };
  }

  /** Resolves with the spans of a trace when it has spans of all names. */
  async trace(traceId: string, ...names: string[]): Promise<readonly ReceivedSpan[]> {
    return eventually(`a trace with ${names.join(", ")}`, () => {
      const spans = this.spans.filter((span) => span.traceId === traceId);
      const missing = names.filter((name) => !spans.some((span) => span.name === name));
      if (missing.length > 0)
        throw new Error(`missing: ${missing.join(", ")}; present: ${spans.map(({ name }) => name).join(", ")}`);
      return spans;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #take(text: string): void {
    for (const { resource, scopeSpans } of JSON.parse(text).resourceSpans)
      for (const { spans } of scopeSpans)
        for (const span of spans) {
          this.spans.push({
            ...span,
            parentSpanId: span.parentSpanId || undefined,
            beganMs: Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000,
            endedMs: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000,
            attributes: valuesOf(span.attributes ?? []),
            service: String(valuesOf(resource.attributes)["service.name"]),
            isError: span.status?.code === 2,
          });
        }
  }
}

const valuesOf = (attributes: OtlpAttributes) =>
  Object.fromEntries(
    attributes.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
      key,
      stringValue ?? (intValue === undefined ? (doubleValue ?? boolValue ?? "") : Number(intValue)),
    ]),
  );

import { FaasError } from "@faas/core";
import { Caller } from "../http/call/caller.ts";
import type { BodyConsumer, ClientCall, ClientListener, ClientRequest } from "../http/call/client-call.ts";
import type { HeaderBlock } from "../http/call/header-block.ts";
import { problemResponse } from "../http/problem-response.ts";
import type { RecordedRequest } from "./call-record.ts";

/** A call that the server makes: a delivery of an asynchronous call, or the call of a tool. */
export interface Delivery {
  readonly request: RecordedRequest;
  readonly body: Buffer;
  readonly requestId: string;
  /** Header lines for the function, beside those of the request; each with CR LF. */
  readonly lines: string;
  /** Bytes of the response's body that are kept. */
  readonly maxResponseBytes: number;
  /** A client waits for the response: the call is queued among the synchronous ones, and parts of its response are passed on as they come. */
  readonly isAwaited?: boolean;
}

/** Source of a request: a client, the queue of asynchronous calls, or the server for a client that waits. */
export type Origin = "client" | "queue" | "server";

/** Takes a part of the body of a function's response as it comes. */
export type PartListener = (bytes: Buffer, contentType: string) => void;

/** Response to a delivery. */
export interface DeliveryResponse {
  /** 499 if it was aborted. */
  readonly status: number;
  /** `function`: the replica responded. `gateway`: it did not, and the body is a problem document. `broken`: the response ended early. */
  readonly from: "function" | "gateway" | "broken";
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The beginning of the body. */
  readonly body: Buffer;
  /** Length of the whole body. */
  readonly bytes: number;
}

/** Progress of the delivery at the gateway. */
interface DeliveryProgress {
  /** Milliseconds until the head of a replica's response; 0 without one. */
  readonly headMs: number;
  /** Parts of `headMs` that are not the function's time: the wait for a slot, and replicas that failed. */
  readonly waitedMs: number;
  readonly lostMs: number;
  readonly endpoint: { readonly title: string; readonly spec: { readonly timeoutMs: number } } | undefined;
}

/** Time after the endpoint's timeout for a response that ends just at it. */
const TIMEOUT_GRACE_MS = 500;

/** A stored request, as the client's call that the gateway processes. */
export class RecordedCall implements ClientCall {
  listener: ClientListener | undefined;
  headSent = false;
  closed = false;
  readonly method: string;
  readonly url: string;
  readonly caller: Caller;
  readonly bodyLength: number;
  readonly headers: ClientRequest["headers"];
  readonly #delivery: Delivery;
  readonly #onPart: PartListener | undefined;
  #consumer: BodyConsumer | undefined;
  #status = 499;
  #head: HeaderBlock | undefined;
  readonly #chunks: Buffer[] = [];
  #kept = 0;
  #bytes = 0;
  #ended: (isWhole: boolean) => void = () => {};
  #headWritten = () => {};

  constructor(delivery: Delivery, onPart?: PartListener) {
    const { request, body, requestId } = delivery;
    this.#delivery = delivery;
    this.#onPart = onPart;
    this.method = request.method;
    this.url = request.url;
    this.caller = new Caller({ remoteAddress: request.address, encrypted: request.proto === "https" });
    this.bodyLength = body.length;
    this.headers = { ...request.headers, host: request.host, "x-request-id": requestId };
  }

  /**
   * Resolves with the response, or when the signal is aborted. A response that does not end within the endpoint's timeout is FUNCTION_TIMEOUT, although it has
   * begun: nobody reads it, and a stream without an end would hold the delivery for ever. To be called before the exchange starts.
   */
  responseOf(progress: DeliveryProgress, signal: AbortSignal): Promise<DeliveryResponse> {
    return new Promise((resolve) => {
      const abort = () => {
        this.destroy();
        this.listener?.clientClosed();
      };
      let deadline: NodeJS.Timeout | undefined;
      this.#headWritten = () => {
        const { headMs, waitedMs, lostMs, endpoint } = progress;
        // The gateway's own responses end at once.
        if (headMs === 0 || endpoint === undefined) return;
        const { timeoutMs } = endpoint.spec;
        const spentMs = headMs - waitedMs - lostMs;
        deadline = setTimeout(
          () => {
            resolve(this.#timedOut(endpoint.title, timeoutMs));
            abort();
          },
          Math.max(0, timeoutMs + TIMEOUT_GRACE_MS - spentMs),
        ).unref();
      };
      this.#ended = (isWhole) => {
        clearTimeout(deadline);
        signal.removeEventListener("abort", abort);
        const from = progress.headMs === 0 ? "gateway" : isWhole ? "function" : "broken";
        const headers = (this.#head?.fields ?? []).map(({ name, value }) => [name, value] as const);
        const { length } = this.#chunks;
        const body = length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
        resolve({ status: isWhole ? this.#status : 499, from, headers, body, bytes: this.#bytes });
      };
      signal.addEventListener("abort", abort);
    });
  }

  get #contentType(): string {
    return this.#head?.fields.find(({ name }) => name.toLowerCase() === "content-type")?.value ?? "";
  }

  endToEndLines(): string {
    return this.#delivery.request.lines + this.#delivery.lines;
  }

  readBody(consumer: BodyConsumer): void {
    if (consumer.data(this.#delivery.body)) consumer.end();
    else this.#consumer = consumer;
  }

  resumeBody(): void {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    consumer?.end();
  }

  stopBody(): void {
    this.#consumer = undefined;
  }

  writeHead(status: number, headers: HeaderBlock): void {
    this.headSent = true;
    this.#status = status;
    this.#head = headers;
    this.#headWritten();
  }

  write(bytes: Buffer): boolean {
    this.#bytes += bytes.length;
    const kept = bytes.subarray(0, this.#delivery.maxResponseBytes - this.#kept);
    this.#kept += kept.length;
    if (kept.length > 0) this.#chunks.push(Buffer.from(kept));
    this.#onPart?.(bytes, this.#contentType);
    return true;
  }

  end(_sized: boolean, last: string | Buffer | undefined): void {
    if (last !== undefined) this.write(typeof last === "string" ? Buffer.from(last, "latin1") : last);
    this.closed = true;
    this.#ended(true);
  }

  destroy(): void {
    if (this.closed) return;
    this.closed = true;
    this.#ended(false);
  }

  #timedOut(title: string, timeoutMs: number): DeliveryResponse {
    const detail = `${title} did not end its response within its timeout of ${timeoutMs} ms: ${this.#bytes} bytes of it were received`;
    const { status, body } = problemResponse(new FaasError("FUNCTION_TIMEOUT", detail), this.#delivery.requestId);
    return { status, from: "gateway", headers: [], body: Buffer.from(body), bytes: Buffer.byteLength(body) };
  }
}

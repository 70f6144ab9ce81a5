import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import type { Agent as HttpsAgent } from "node:https";
import { Readable } from "node:stream";

export interface HttpRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Buffer | Readable | string | null;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  readonly statusCode: number;
  /** Lower-case names; a header that occurs several times has a list of values. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Readable;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Sends requests with Node's own HTTP client. A command makes a few requests: loading a faster client would take longer than it saves. `node:https` is
 * loaded for HTTPS only, because it takes as long as all else that a short command loads.
 */
export class HttpTransport {
  readonly #ca: string | undefined;
  #http: HttpAgent | undefined;
  #https: HttpsAgent | undefined;

  /** @param ca certificate authorities of the server, PEM; Node's own when undefined */
  constructor(ca: string | undefined) {
    this.#ca = ca;
  }

  /** Sends a request; resolves with the response when its headers have arrived. Its body has to be read to the end. */
  async send(url: string, { method, headers, body, signal }: HttpRequest): Promise<HttpResponse> {
    const options = { method, headers: { ...headers, ...framing(headers, body) }, signal };
    const request = url.startsWith("https:") ? await this.#requestHttps(url, options) : this.#requestHttp(url, options);
    return new Promise((resolve, reject) => {
      limitConnectTime(request);
      // After the response has begun, errors are those of its body.
      request.on("error", reject);
      request.once("response", (response) => resolve(toResponse(response)));
      if (body instanceof Readable) sendStream(body, request);
      else request.end(body ?? undefined);
    });
  }

  #requestHttp(url: string, options: object): ClientRequest {
    this.#http ??= new HttpAgent({ keepAlive: true });
    return requestHttp(url, { ...options, agent: this.#http });
  }

  async #requestHttps(url: string, options: object): Promise<ClientRequest> {
    const { Agent, request } = await import("node:https");
    this.#https ??= new Agent({ keepAlive: true, ...(this.#ca === undefined ? {} : { ca: this.#ca }) });
    return request(url, { ...options, agent: this.#https });
  }
}

/** Returns the header for the length of the body: without it, Node sends the body of some methods without an end. */
function framing(headers: HttpRequest["headers"], body: HttpRequest["body"]): Record<string, string> {
  if (body === undefined || body === null || "content-length" in lowerCase(headers)) return {};
  return body instanceof Readable
    ? { "transfer-encoding": "chunked" }
    : { "content-length": String(Buffer.byteLength(body)) };
}

const lowerCase = (headers: HttpRequest["headers"]) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

function sendStream(body: Readable, request: ClientRequest): void {
  body.on("error", (error) => request.destroy(error));
  // A response may arrive before the whole body was sent, and the connection may close then.
  request.once("close", () => body.destroy());
  body.pipe(request);
}

/** Fails when there is no connection in time: the operating system would wait for minutes. */
function limitConnectTime(request: ClientRequest): void {
  request.once("socket", (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => {
      request.destroy(Object.assign(new Error("connect ETIMEDOUT"), { code: "ETIMEDOUT" }));
    }, CONNECT_TIMEOUT_MS);
    for (const event of ["connect", "close"]) socket.once(event, () => clearTimeout(timer));
  });
}

function toResponse(body: IncomingMessage): HttpResponse {
  const headers = Object.entries(body.headersDistinct).map(([name, values = []]) => [
    name,
    values.length === 1 ? (values[0] as string) : values,
  ]);
  return { statusCode: body.statusCode as number, headers: Object.fromEntries(headers), body };
}

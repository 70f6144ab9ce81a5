import type { IncomingHttpHeaders } from "node:http";
import type { Call } from "../call.ts";
import type { Responder } from "../load/loaded-function.ts";
import { messageOf } from "../problem.ts";
import { binaryMessage, CloudEvent, hasCloudEvent, isCloudEvent, parseCloudEvent } from "./cloud-event.ts";
import type { UserFunction } from "./function-source.ts";
import { bodyOf, parsedBodyOf, parsedQueryOf } from "./request-facts.ts";

const METHODS = "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH";
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"] as const;

/** Exports of a module with a function for Knative, besides `handle`. */
export interface KnativeModule {
  readonly handle: UserFunction;
  /** Is called once, before the first call. */
  readonly init?: () => unknown;
  /** Is called before the process ends. */
  readonly shutdown?: () => unknown;
  /** Returns the origins that may read responses. */
  readonly cors?: () => readonly string[];
}

/** Answers calls with a function of the context and the body, or of the context and a CloudEvent. Resolves when `init` has ended. */
export async function knativeResponder({ handle, init, shutdown, cors }: KnativeModule): Promise<Responder> {
  await init?.();
  if (shutdown) process.on("SIGTERM", shutdown);
  return async (call) => {
    const { request } = call;
    const origins = corsHeaders(cors, request.headers);
    if (request.method === "OPTIONS")
      return { status: 204, headers: { ...origins, "access-control-allow-headers": "*" } };
    const bytes = await bodyOf(call);
    const event = hasCloudEvent(request.headers) ? parseCloudEvent(request.headers, bytes) : undefined;
    const body = event === undefined ? parsedBodyOf(request, bytes) : undefined;
    const context = contextOf(call, bytes, body, event);
    try {
      return responseOf(await handle(context, event ?? body), origins);
    } catch (error) {
      const status = (error as { code?: unknown } | undefined)?.code;
      if (typeof status !== "number" || status < 400 || status > 599) throw error;
      return { status, headers: origins, body: messageOf(error) };
    }
  };
}

function corsHeaders(cors: KnativeModule["cors"], { origin }: IncomingHttpHeaders): Record<string, string> {
  const headers: Record<string, string> = { "access-control-allow-methods": METHODS };
  if (cors === undefined) headers["access-control-allow-origin"] = "*";
  else if (origin !== undefined && cors().includes(origin)) headers["access-control-allow-origin"] = origin;
  return headers;
}

function contextOf(call: Call, bytes: Buffer, body: unknown, event: CloudEvent | undefined): Record<string, unknown> {
  const { request } = call;
  const { headers, method, httpVersion, httpVersionMajor, httpVersionMinor } = request;
  const query = parsedQueryOf(request);
  return {
    body: event === undefined ? body : event.data,
    headers: { ...headers },
    method,
    httpVersion,
    httpVersionMajor,
    httpVersionMinor,
    contentType: headers["content-type"],
    rawBody: bytes.toString(),
    ...query,
    query,
    ...(event && { cloudevent: event, cloudEvent: event }),
    log: Object.fromEntries(LEVELS.map((level) => [level, writerOf(call, level)])),
    cloudEventResponse: (data: unknown) => new ResponseBuilder(data),
  };
}

/** Returns a function that writes a line of JSON: `("text")` or `({ field }, "text")`. */
function writerOf({ requestId }: Call, level: string): (first: unknown, text?: unknown) => void {
  return (first, text) => {
    const fields =
      typeof first === "object" ? { ...first, ...(text !== undefined && { message: text }) } : { message: first };
    process.stderr.write(`${JSON.stringify({ level, requestId, ...fields })}\n`);
  };
}

/** Builder of a CloudEvent that answers another one. */
class ResponseBuilder {
  readonly #fields: Record<string, unknown>;

  constructor(data: unknown) {
    this.#fields = { data };
  }

  version(value: string): this {
    return this.#set("specversion", value);
  }

  id(value: string): this {
    return this.#set("id", value);
  }

  type(value: string): this {
    return this.#set("type", value);
  }

  source(value: string): this {
    return this.#set("source", value);
  }

  response(): CloudEvent {
    const defaults = { id: crypto.randomUUID(), time: new Date().toISOString(), specversion: "1.0" };
    const event = new CloudEvent({ ...defaults, ...this.#fields });
    if (!isCloudEvent(event)) throw new TypeError("Expected the CloudEvent to have a type and a source");
    return event;
  }

  #set(name: string, value: string): this {
    this.#fields[name] = value;
    return this;
  }
}

/** Result that sets the response. */
interface KnativeResult {
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

function responseOf(value: unknown, origins: Record<string, string>): unknown {
  if (isCloudEvent(value)) {
    const message = binaryMessage(value);
    return { ...message, headers: { ...origins, ...message.headers } };
  }
  if (value === undefined || value === null || value === "") return { status: 204, headers: origins };
  if (typeof value === "string" || ArrayBuffer.isView(value)) return { status: 200, headers: origins, body: value };
  const { statusCode, headers: given, body } = value as KnativeResult;
  const headers: Record<string, unknown> = { "content-type": "application/json; charset=utf-8", ...origins };
  if (typeof given === "object" && given !== null)
    for (const [name, each] of Object.entries(given)) headers[name.toLowerCase()] = each;
  const content = body === undefined ? (given === undefined && statusCode === undefined ? value : "") : body;
  const isSent = typeof content === "string" || ArrayBuffer.isView(content) || isStream(content);
  return { status: statusCode ?? 200, headers, body: isSent ? content : JSON.stringify(content) };
}

function isStream(value: unknown): boolean {
  return typeof (value as { pipe?: unknown } | null)?.pipe === "function";
}

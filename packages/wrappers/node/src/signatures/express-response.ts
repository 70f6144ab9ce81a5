import { type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from "node:http";
import type { Call } from "../call.ts";

/** Response with the methods of Express that functions use. */
export type ExpressResponse = ServerResponse & Record<string, unknown>;

const TYPES: Readonly<Record<string, string>> = {
  bin: "application/octet-stream",
  css: "text/css; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
  text: "text/plain; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  xml: "application/xml; charset=utf-8",
};

/** Options of a cookie. */
interface CookieOptions {
  readonly domain?: string;
  readonly encode?: (value: string) => string;
  readonly expires?: Date;
  readonly httpOnly?: boolean;
  readonly maxAge?: number;
  readonly path?: string;
  readonly sameSite?: boolean | string;
  readonly secure?: boolean;
}

/** Adds the methods of an Express response. */
export function expressResponseOf({ response }: Call): ExpressResponse {
  const chained =
    <T extends unknown[]>(run: (...values: T) => unknown) =>
    (...values: T) => {
      run(...values);
      return response;
    };
  const set = (names: string | OutgoingHttpHeaders, value?: unknown) => {
    for (const [name, each] of typeof names === "string" ? [[names, value]] : Object.entries(names))
      setHeader(response, name as string, each);
  };
  const type = (name: string) => setHeader(response, "Content-Type", name.includes("/") ? name : typeNamed(name));
  const append = (name: string, value: string | string[]) => response.appendHeader(name, value);
  const cookie = (name: string, value: unknown, options: CookieOptions = {}) =>
    append("Set-Cookie", cookieText(name, value, options));
  const location = (url: string) => response.setHeader("Location", encodeURI(url).replace(/%25([\dA-F]{2})/gi, "%$1"));
  const methods = {
    locals: {},
    status: chained((code: number) => {
      response.statusCode = code;
    }),
    set: chained(set),
    header: chained(set),
    get: (name: string) => response.getHeader(name),
    type: chained(type),
    contentType: chained(type),
    append: chained(append),
    vary: chained((name: string) => append("Vary", name)),
    cookie: chained(cookie),
    clearCookie: chained((name: string, options: CookieOptions = {}) =>
      cookie(name, "", { ...options, expires: new Date(0) }),
    ),
    location: chained(location),
    send: chained((body?: unknown) => sendBody(response, body)),
    json: chained((value: unknown) => sendJson(response, value)),
    sendStatus: chained((code: number) => {
      response.statusCode = code;
      type("txt");
      sendBody(response, STATUS_CODES[code] ?? String(code));
    }),
    redirect: chained((...values: [number | string, string?]) => {
      const [first, second] = values;
      response.statusCode = typeof first === "number" ? first : 302;
      location(String(typeof first === "number" ? second : first));
      type("txt");
      sendBody(response, `${STATUS_CODES[response.statusCode]}. Redirecting to ${response.getHeader("Location")}`);
    }),
  };
  return Object.assign(response, methods) as unknown as ExpressResponse;
}

function typeNamed(name: string): string {
  return TYPES[name.replace(/^\./, "")] ?? "application/octet-stream";
}

/** Sets a header; a text type without a charset gets one. */
function setHeader(response: ServerResponse, name: string, value: unknown): void {
  if (value === undefined) return;
  if (Array.isArray(value)) {
    response.setHeader(name, value.map(String));
    return;
  }
  const text = String(value);
  const isBareText = /^content-type$/i.test(name) && /^(?:text\/|application\/json)[^;]*$/i.test(text);
  response.setHeader(name, isBareText ? `${text}; charset=utf-8` : text);
}

/** Sends text, bytes, or any other value as JSON. Does nothing if the call was answered, as after the time limit. */
function sendBody(response: ServerResponse, body: unknown): void {
  if (response.headersSent) return;
  if (typeof body === "string") end(response, "text/html; charset=utf-8", body);
  else if (body === undefined || body === null) end(response, undefined, "");
  else if (ArrayBuffer.isView(body)) {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    end(response, "application/octet-stream", bytes);
  } else sendJson(response, body);
}

function sendJson(response: ServerResponse, value: unknown): void {
  if (!response.headersSent) end(response, TYPES.json, JSON.stringify(value) ?? "");
}

function end(response: ServerResponse, type: string | undefined, body: string | Buffer): void {
  if (type !== undefined && !response.hasHeader("Content-Type")) response.setHeader("Content-Type", type);
  if (response.statusCode === 204 || response.statusCode === 304) {
    for (const name of ["Content-Type", "Content-Length"]) response.removeHeader(name);
    response.end();
    return;
  }
  response.setHeader("Content-Length", Buffer.byteLength(body));
  response.end(body);
}

function cookieText(name: string, value: unknown, options: CookieOptions): string {
  const text = typeof value === "object" ? `j:${JSON.stringify(value)}` : String(value);
  const { maxAge, expires, sameSite, domain, path = "/", httpOnly, secure, encode = encodeURIComponent } = options;
  const until = maxAge === undefined ? expires : new Date(Date.now() + maxAge);
  return [
    `${name}=${encode(text)}`,
    maxAge === undefined ? "" : `Max-Age=${Math.floor(maxAge / 1000)}`,
    domain ? `Domain=${domain}` : "",
    `Path=${path}`,
    until ? `Expires=${until.toUTCString()}` : "",
    httpOnly ? "HttpOnly" : "",
    secure ? "Secure" : "",
    sameSite ? `SameSite=${sameSite === true ? "Strict" : capitalized(String(sameSite))}` : "",
  ]
    .filter(Boolean)
    .join("; ");
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import type { Responder } from "../load/loaded-function.ts";
import { messageOf } from "../problem.ts";
import { JSON_TYPE, withType } from "../response/head.ts";
import { isCallback, parametersOf, sourceOf, type UserFunction } from "./function-source.ts";
import { bodyOf, parsedBodyOf, parsedQueryOf, pathAndQueryOf } from "./request-facts.ts";

/** Answers calls with a function of an OpenFaaS template: `(event, context)`, or `(context, callback)` of the oldest one. */
export function openFaasResponder(handler: UserFunction): Responder {
  const parameters = parametersOf(sourceOf(handler));
  return isCallback(parameters[1]) && parameters.length === 2 ? textResponder(handler) : eventResponder(handler);
}

/** First argument of a function. */
interface OpenFaasEvent {
  readonly body: unknown;
  readonly headers: IncomingHttpHeaders;
  readonly method: string;
  readonly query: Readonly<Record<string, string | string[]>>;
  readonly path: string;
}

type Callback = (error?: unknown, result?: unknown) => void;

/** Second argument of a function, by which it sets the response. */
class OpenFaasContext {
  statusCode = 200;
  headerValues: OutgoingHttpHeaders = {};
  /** Number of calls of `succeed` and `fail`. */
  cbCalled = 0;
  readonly cb: Callback;

  constructor(callback: Callback) {
    this.cb = callback;
  }

  /** Sets the status and returns the context, or without an argument returns the status. */
  status(code?: number): unknown {
    if (!code) return this.statusCode;
    this.statusCode = code;
    return this;
  }

  /** Sets the headers and returns the context, or without an argument returns the headers. */
  headers(values?: OutgoingHttpHeaders): unknown {
    if (!values) return this.headerValues;
    this.headerValues = values;
    return this;
  }

  succeed(value?: unknown): void {
    this.cbCalled++;
    this.cb(undefined, value);
  }

  fail(value?: unknown): void {
    if (this.statusCode === 200) this.statusCode = 500;
    this.cbCalled++;
    this.cb(value);
  }
}

/** Value by which a function reported a failure. */
class Failure {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

function eventResponder(handler: UserFunction): Responder {
  const callsBack = handler.length > 2 || /\.\s*(?:succeed|fail)\s*\(/.test(sourceOf(handler));
  return async (call) => {
    const { request } = call;
    const body = await bodyOf(call);
    const event: OpenFaasEvent = {
      body: process.env.RAW_BODY === "true" ? body : (parsedBodyOf(request, body, "text/plain") ?? {}),
      headers: request.headers,
      method: request.method ?? "GET",
      query: parsedQueryOf(request),
      path: pathAndQueryOf(request).path,
    };
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const callback: Callback = (error, result) => resolve(error ? new Failure(error) : result);
    const context = new OpenFaasContext(callback);
    const returned = handler(event, context, callback);
    const isPromise = typeof (returned as PromiseLike<unknown> | undefined)?.then === "function";
    let result: unknown;
    if (isPromise) {
      const ended = Promise.resolve(returned).then((value) =>
        value === context || context.cbCalled > 0 ? promise : value,
      );
      result = await Promise.race([promise, ended]);
    } else result = (returned === undefined || returned === context) && callsBack ? await promise : returned;
    const { statusCode: status, headerValues } = context;
    if (!(result instanceof Failure)) return responseOf(status, headerValues, result);
    console.error(result.value);
    return responseOf(status === 200 ? 500 : status, {}, failureText(result.value));
  };
}

function failureText(value: unknown): string {
  return value instanceof Error ? String(value) : typeof value === "string" ? value : JSON.stringify(value);
}

function responseOf(status: number, given: OutgoingHttpHeaders, value: unknown): unknown {
  const headers = { ...given };
  if (value === undefined || value === null) return { status, headers, body: "" };
  // Express, which the templates use, sends text as HTML.
  if (typeof value === "string") return { status, headers: withType(headers, "text/html; charset=utf-8"), body: value };
  if (ArrayBuffer.isView(value)) return { status, headers, body: value };
  return { status, headers: withType(headers, JSON_TYPE), body: JSON.stringify(value) };
}

/** Answers calls with a function of the body as text, which calls back. */
function textResponder(handler: UserFunction): Responder {
  return async (call) => {
    const text = (await bodyOf(call)).toString();
    return new Promise((resolve, reject) => {
      const callback: Callback = (error, result) => {
        if (error) reject(error instanceof Error ? error : new Error(messageOf(error)));
        else resolve(result ?? "");
      };
      const returned = handler(text, callback);
      if (returned instanceof Promise) returned.then((value) => callback(undefined, value), reject);
    });
  };
}

import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { runApp } from "../app/run-app.ts";
import type { Call } from "../call.ts";
import type { Responder } from "../load/loaded-function.ts";
import { Problem } from "../problem.ts";
import { JSON_TYPE, withType } from "../response/head.ts";
import { STREAMING } from "./detect.ts";
import type { UserFunction } from "./function-source.ts";
import { type LambdaCallback, lambdaContextOf } from "./lambda-context.ts";
import { lambdaEventOf } from "./lambda-event.ts";
import { bodyOf } from "./request-facts.ts";

/** Answers calls with a function for AWS Lambda behind API Gateway or a function URL. */
export function lambdaResponder(handler: UserFunction): Responder {
  if (STREAMING in handler) return (call) => respondStreaming(call, handler);
  const endsByCallback = handler.length > 2 || /\.\s*(?:done|succeed|fail)\b/.test(String(handler));
  return async (call) => {
    const event = lambdaEventOf(call, await bodyOf(call));
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const done: LambdaCallback = (error, result) => {
      if (error === undefined || error === null) resolve(result);
      else
        reject(error instanceof Error ? error : new Error(typeof error === "string" ? error : JSON.stringify(error)));
    };
    const returned = handler(event, lambdaContextOf(call, done), done);
    if (typeof (returned as PromiseLike<unknown> | undefined)?.then === "function") {
      // It may also call back, and the first result counts.
      const ended = endsByCallback ? Promise.race([promise, returned]) : returned;
      return lambdaResult(await ended);
    }
    return lambdaResult(returned === undefined && endsByCallback ? await promise : returned);
  };
}

/** Result of a handler that has a status. */
interface LambdaResult {
  readonly statusCode: unknown;
  readonly headers?: Readonly<Record<string, unknown>> | null;
  readonly multiValueHeaders?: Readonly<Record<string, readonly unknown[]>> | null;
  readonly cookies?: readonly string[] | null;
  readonly body?: unknown;
  readonly isBase64Encoded?: boolean;
}

/**
 * Converts the result of a Lambda function to that of a handler, as API Gateway interprets it: without `statusCode` it is the body, of type JSON.
 *
 * @throws INVALID_RESPONSE
 */
function lambdaResult(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("statusCode" in value)) {
    const body = typeof value === "string" ? value : JSON.stringify(value ?? null);
    return { status: 200, headers: { "Content-Type": JSON_TYPE }, body };
  }
  const { statusCode, body, isBase64Encoded, ...rest } = value as LambdaResult;
  const status = statusOf(statusCode);
  const headers = lambdaHeaders(rest);
  if (body === undefined || body === null || body === "") return { status, headers, body: "" };
  if (isBase64Encoded) return { status, headers, body: Buffer.from(String(body), "base64") };
  if (typeof body === "object")
    throw new Problem("INVALID_RESPONSE", 'Expected "body" to be a string, got an object: use JSON.stringify');
  return { status, headers: withType(headers, "text/plain; charset=utf-8"), body: String(body) };
}

/** @throws INVALID_RESPONSE */
function statusOf(statusCode: unknown): number {
  const status = typeof statusCode === "string" ? Number(statusCode) : statusCode;
  if (typeof status === "number" && Number.isInteger(status) && status >= 200 && status <= 599) return status;
  throw new Problem(
    "INVALID_RESPONSE",
    `Expected "statusCode" to be from 200 to 599, got ${JSON.stringify(statusCode)}`,
  );
}

function lambdaHeaders({
  headers: single,
  multiValueHeaders,
  cookies,
}: Partial<Pick<LambdaResult, "headers" | "multiValueHeaders" | "cookies">>): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(single ?? {}))
    if (value !== undefined && value !== null)
      headers[name.toLowerCase()] = Array.isArray(value) ? value.map(String) : String(value);
  for (const [name, values] of Object.entries(multiValueHeaders ?? {}))
    headers[name.toLowerCase()] = values.map(String);
  if (cookies?.length) headers["set-cookie"] = [headers["set-cookie"] ?? [], cookies].flat(2) as string[];
  return headers;
}

/** Status, headers and cookies that `awslambda.HttpResponseStream.from` sets. */
type StreamMetadata = Partial<Pick<LambdaResult, "statusCode" | "headers" | "cookies">>;
type ResponseStream = ServerResponse & { setContentType?: (type: string) => void };

async function respondStreaming(call: Call, handler: UserFunction): Promise<void> {
  const event = lambdaEventOf(call, await bodyOf(call));
  const stream: ResponseStream = call.response;
  stream.setContentType = (type) => stream.setHeader("Content-Type", type);
  stream.setHeader("Content-Type", "application/octet-stream");
  const context = lambdaContextOf(call, () => undefined);
  await runApp(call, { request: () => handler(event, stream, context) });
}

/** Defines the global object of Lambda's Node runtime by which functions stream their responses. */
export function defineAwslambda(): void {
  Object.defineProperty(globalThis, "awslambda", { configurable: true, get: makeAwslambda });
}

function makeAwslambda(): unknown {
  const awslambda = {
    streamifyResponse: (handler: UserFunction) => Object.assign(handler, { [STREAMING]: "response" }),
    HttpResponseStream: {
      from(stream: ServerResponse, { statusCode, ...metadata }: StreamMetadata = {}): ServerResponse {
        if (statusCode !== undefined) stream.statusCode = statusOf(statusCode);
        for (const [name, value] of Object.entries(lambdaHeaders(metadata))) stream.setHeader(name, value as string);
        return stream;
      },
    },
  };
  Object.defineProperty(globalThis, "awslambda", { configurable: true, writable: true, value: awslambda });
  return awslambda;
}

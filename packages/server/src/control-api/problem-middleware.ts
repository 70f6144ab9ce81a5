import { Readable } from "node:stream";
import { FaasError, type Logger } from "@faas/core";
import { checkPath, problemResponse, requestIdOf } from "@faas/gateway";
import type { Context, Middleware } from "koa";
import { sendAndDrain } from "./drain-body.ts";
import { stateOf } from "./route.ts";

/** Gives requests their id, and turns errors into problem documents. */
export function problems(log: Logger): Middleware {
  return async (context, next) => {
    const requestId = requestIdOf(context.headers);
    context.set("X-Request-Id", requestId);
    stateOf(context).requestId = requestId;
    try {
      checkPath(context.path);
      await next();
      checkHandled(context);
    } catch (error) {
      const known = asKnown(error) ?? asIncomplete(error, context);
      if (!known) log.error({ err: error, requestId, method: context.method, path: context.path }, "a request failed");
      sendProblem(context, known ?? error, requestId);
    }
  };
}

/**
 * Rejects requests that no route has handled.
 * @throws METHOD_NOT_ALLOWED
 * @throws NOT_FOUND
 */
function checkHandled(context: Context): void {
  if (context.body !== undefined && context.body !== null) return;
  if (context.status === 405 || context.status === 501) {
    const allowed = context.response.get("Allow");
    throw new FaasError("METHOD_NOT_ALLOWED", `${context.method} is not allowed here; allowed: ${allowed || "none"}`);
  }
  if (context.status === 404 && stateOf(context).route === undefined)
    throw new FaasError("NOT_FOUND", `There is nothing at ${context.method} ${context.path}`);
}

function sendProblem(context: Context, error: unknown, requestId: string): void {
  const { status, code, headers, body } = problemResponse(error, requestId);
  context.status = status;
  stateOf(context).code = code;
  const isComplete = context.req.complete || !hasBody(context);
  context.body = isComplete ? body : Readable.from(sendAndDrain(body, context.req));
  // After the body, which sets a type of its own.
  context.set(headers);
  // The rest of the body would be read as the next request.
  if (!isComplete) context.set("Connection", "close");
}

const hasBody = ({ headers }: Context) =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/** Returns the error for a client that disconnected, or was disconnected, before the end of its body. */
function asIncomplete(error: unknown, { req }: Context): FaasError | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (req.complete || (code !== "ERR_STREAM_PREMATURE_CLOSE" && code !== "ECONNRESET")) return undefined;
  return new FaasError("INVALID_REQUEST", "The request ended before its body was complete", { cause: error });
}

function asKnown(error: unknown): FaasError | undefined {
  if (error instanceof FaasError) return error;
  // The router's error for a parameter whose percent-encoding is not UTF-8.
  const { status, message } = error as { status?: number; message?: string };
  if (error instanceof URIError || status === 400)
    return new FaasError("INVALID_PATH", `The path cannot be decoded: ${message}`);
  return undefined;
}

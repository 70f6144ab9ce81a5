import type { OutgoingHttpHeaders } from "node:http";
import { runApp } from "../app/run-app.ts";
import type { Responder } from "../load/loaded-function.ts";
import { expressRequestOf } from "./express-request.ts";
import { type ExpressResponse, expressResponseOf } from "./express-response.ts";
import type { UserFunction } from "./function-source.ts";
import { bodyOf } from "./request-facts.ts";

/** Answers calls with a function of Fission's Node environment: it returns `{ status, body, headers }` or calls back with them. */
export function fissionResponder(handler: UserFunction): Responder {
  return async (call) => {
    const context = { request: expressRequestOf(call, await bodyOf(call)), response: expressResponseOf(call) };
    const { response } = context as unknown as {
      response: ExpressResponse & Record<"set" | "status" | "send", UserFunction>;
    };
    const callback = (status?: number, body?: unknown, headers?: OutgoingHttpHeaders) => {
      if (!status) return;
      if (headers) response.set(headers);
      response.status(status);
      response.send(body);
    };
    const request = async () => {
      const result = (await handler(context, callback)) as
        | { status?: number; body?: unknown; headers?: OutgoingHttpHeaders }
        | undefined;
      if (handler.length < 2 && !response.headersSent) callback(result?.status ?? 200, result?.body, result?.headers);
    };
    await runApp(call, { request });
  };
}

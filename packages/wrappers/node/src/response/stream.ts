import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Call } from "../call.ts";
import { forbidsBody, writeHead } from "./head.ts";

/** Source of a streamed response. */
export type Source = (AsyncIterable<unknown> | Iterable<unknown>) & {
  readonly return?: () => unknown;
  readonly destroy?: () => unknown;
};

/**
 * Sends a streamed response with back-pressure. From now on the call's time limit is one for silence: each chunk extends the deadline.
 * Ends the source when the client disconnects.
 *
 * @throws TypeError if the source yields something other than strings and bytes.
 */
export async function sendStream(
  call: Call,
  status: number,
  headers: OutgoingHttpHeaders,
  source: Source,
): Promise<void> {
  const { response, request } = call;
  writeHead(call, status, headers, undefined);
  if (request.method === "HEAD" || forbidsBody(status)) {
    await source.return?.();
    source.destroy?.();
    response.end();
    return;
  }
  response.flushHeaders();
  call.deadlines?.extend(call);
  for await (const chunk of source) {
    if (response.destroyed) return;
    if (typeof chunk !== "string" && !ArrayBuffer.isView(chunk)) {
      throw new TypeError(
        `Expected the stream to yield strings or bytes, got ${chunk === null ? "null" : typeof chunk}`,
      );
    }
    if (!response.write(chunk)) await drainedOrClosed(response);
    call.deadlines?.extend(call);
  }
  response.end();
}

function drainedOrClosed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const onEither = () => {
      response.off("drain", onEither);
      response.off("close", onEither);
      resolve();
    };
    response.on("drain", onEither);
    response.on("close", onEither);
  });
}

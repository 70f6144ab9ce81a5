import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";

/** Application that answers Node's own requests and responses, called in this process. */
export interface NodeApp {
  /** Handles a request. Returns what the application returned, which may be a promise that is rejected. */
  request(request: IncomingMessage, response: ServerResponse): unknown;
  /** Server of the application, whose `upgrade` listeners get WebSockets; undefined if it has none. */
  readonly server?: EventEmitter | undefined;
}

/** Handler of Node's requests, as `createServer` of `node:http` takes it. */
export type RequestListener = (request: IncomingMessage, response: ServerResponse, next?: unknown) => unknown;

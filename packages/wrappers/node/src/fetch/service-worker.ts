import type { FetchHandler, LoadedFunction } from "../load/loaded-function.ts";
import { Problem } from "../problem.ts";
import { ExecutionContext, endpointVariables } from "./fetch-arguments.ts";

type FetchListener = (event: FetchEvent) => unknown;

let listener: FetchListener | undefined;

/** Tests for the error of a module in the syntax of service workers, `addEventListener("fetch", …)`, whose globals Node does not have. */
export function needsServiceWorker(error: unknown): boolean {
  return error instanceof ReferenceError && /^(?:addEventListener|self) is not defined$/.test(error.message);
}

/** Defines the globals of a service worker, with the endpoint's settings and secrets among them. */
export function defineServiceWorker(): void {
  const addEventListener = (type: string, added: FetchListener | { handleEvent: FetchListener }) => {
    if (type === "fetch") listener ??= typeof added === "function" ? added : (event) => added.handleEvent(event);
  };
  for (const [name, value] of Object.entries({ self: globalThis, addEventListener, ...endpointVariables() }))
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
}

/** Returns the application whose listener was added; undefined without one. */
export function serviceWorker(): LoadedFunction | undefined {
  return listener && { fetch: dispatch };
}

const dispatch: FetchHandler = (request, call) => {
  const event = new FetchEvent(request, new ExecutionContext(call));
  listener?.(event);
  if (event.response !== undefined) return event.response;
  throw new Problem("INVALID_RESPONSE", "The listener of fetch did not call respondWith");
};

/** Event of a service worker's request. */
class FetchEvent extends Event {
  readonly request: Request;
  readonly waitUntil: (work: unknown) => void;
  response: unknown;

  constructor(request: Request, { waitUntil }: ExecutionContext) {
    super("fetch");
    this.request = request;
    this.waitUntil = waitUntil;
  }

  respondWith(response: unknown): void {
    this.response = response;
  }

  passThroughOnException(): void {}
}

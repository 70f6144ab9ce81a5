import type { FetchHandler } from "../load/loaded-function.ts";
import { parameterNames } from "../load/parameter-names.ts";
import { ExecutionContext, FetchEnvironment } from "./fetch-arguments.ts";

/** Web-standard `fetch`, as Workers export it. */
export type Fetch = (request: Request, second: unknown, third: unknown) => unknown;

/** Returns the handler of a web-standard `fetch(request, env, ctx)`, or of `fetch(request, context)` whose second parameter has this name. */
export function fetchHandler(fetch: Fetch, self?: unknown): FetchHandler {
  const names = parameterNames(String(fetch));
  if (names.length === 2 && /^_*(?:context|ctx)$/.test(names[1] as string)) {
    return (request, call) => {
      const context = new ExecutionContext(call);
      return fetch.call(self, request, context, context);
    };
  }
  return (request, call) => fetch.call(self, request, new FetchEnvironment(call), new ExecutionContext(call));
}

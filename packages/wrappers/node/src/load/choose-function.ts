import { readFileSync } from "node:fs";
import { exportedApp, isAppFunction, isRequestListener, listenerApp } from "../app/exported-app.ts";
import { stopInterceptingListen } from "../app/intercept-listen.ts";
import {
  capturedApp,
  interceptOnlyExported,
  isCapturedServerOf,
  releaseCaptured,
  whenListening,
} from "../app/listen.ts";
import type { NodeApp, RequestListener } from "../app/node-app.ts";
import { type Fetch, fetchHandler } from "../fetch/fetch-app.ts";
import { appSetting, handlerSetting, nameOf, signatureSetting } from "../options.ts";
import { Problem } from "../problem.ts";
import { adaptSignature } from "../signatures/adapt.ts";
import { likelySignature } from "../signatures/detect.ts";
import { mayBeForeign } from "../signatures/hints.ts";
import type { Handler, LoadedFunction, UserModule, WebSocketHandler } from "./loaded-function.ts";
import { parameterNames } from "./parameter-names.ts";

/** Exports, tried if no handler is set. */
const EXPORTS = ["handler", "main", "default"];
/** Exports, tried for an application without a handler. */
const APP_EXPORTS = ["app", "server", "default", "main", "handler"];
/** Time for a module that exports nothing to listen, unless it is set to be a server. */
const LISTEN_MS = 2_000;
/** Time for a server to listen. The platforms allow a minute for the whole start. */
const SERVER_LISTEN_MS = 50_000;

type AnyFunction = (...args: never[]) => unknown;
type Exported = (name: string) => unknown;

/**
 * Finds the function or the application of a loaded module.
 *
 * @throws FUNCTION_LOAD_FAILED if there is none, or if it has the shape of another platform's function.
 */
export async function chooseFunction(module: UserModule, file: string): Promise<LoadedFunction> {
  const exported = exportsOf(module);
  const websocket = exported("websocket");
  if (typeof websocket !== "function") return chooseTarget(module, exported, file);
  const hasTarget = [...EXPORTS, ...APP_EXPORTS, "fetch"].some((name) => exported(name) !== undefined);
  const isAlone = handlerSetting ? handlerSetting.endsWith(".websocket") : !hasTarget;
  const found = isAlone ? {} : await chooseTarget(module, exported, file);
  return { ...found, websocket: websocket as WebSocketHandler };
}

async function chooseTarget(module: UserModule, exported: Exported, file: string): Promise<LoadedFunction> {
  const key = handlerSetting
    ? handlerSetting.slice(handlerSetting.lastIndexOf(".") + 1)
    : EXPORTS.find((each) => exported(each) !== undefined);
  // An application may be exported as a promise.
  const target = key === undefined ? undefined : await exported(key);
  const isApp = capturedApp() !== undefined || isFetcher(target) || isAppFunction(target);
  if (signatureSetting !== undefined || (!isApp && mayBeForeign(key, target))) {
    const adapted = await adaptSignature(key, exported, () => namesOf(module), file);
    if (adapted !== undefined) {
      stopInterceptingListen();
      return adapted;
    }
  }
  if (isPlainFunction(target) && appSetting !== "http" && appSetting !== "fetch") {
    // A program may export its main function and listen.
    const isCertain = handlerSetting !== undefined || key === "handler";
    if (isCertain || capturedApp() === undefined) return functionOf(target, file);
  }
  const found = appSetting === "fetch" ? fetchAppOf(target, exported) : await appOf(target, exported);
  if (found !== undefined) return found;
  const isNamed = typeof target !== "object" && target !== undefined;
  const app = await whenListening(appSetting === "http" ? SERVER_LISTEN_MS : isNamed ? 0 : LISTEN_MS);
  if (app !== undefined) return { app };
  const likely = appSetting === undefined ? likelySignature(readFileSync(file, "utf8")) : undefined;
  const advice =
    likely === undefined ? "" : `. A function of another platform needs --signature ${likely} and --handler`;
  throw new Problem("FUNCTION_LOAD_FAILED", `${nameOf(file)}: ${whyNothing(module, target, key)}${advice}`);
}

/** Returns the look-up of a module's exports; undefined for those that do not exist. */
function exportsOf(module: UserModule): Exported {
  // `default` is the whole of a CommonJS module: it has the exports that Node does not detect, and the default export of compiled code.
  const whole = module.default;
  return (name) => {
    if (name !== "default") return module[name] ?? whole?.[name];
    return whole?.__esModule ? whole.default : isEmpty(whole) ? undefined : whole;
  };
}

function namesOf(module: UserModule): string[] {
  return [...new Set([...Object.keys(module), ...Object.keys(module.default ?? {})])];
}

/** Tests for the exports of a CommonJS module without any. */
function isEmpty(whole: unknown): boolean {
  if (typeof whole !== "object" || whole === null || Object.getPrototypeOf(whole) !== Object.prototype) return false;
  return Object.keys(whole).length === 0;
}

function isPlainFunction(target: unknown): target is AnyFunction {
  return typeof target === "function" && !isAppFunction(target) && typeof (target as Fetcher).fetch !== "function";
}

/**
 * Returns a handler, or the application of a `(request, response)` function.
 *
 * @throws FUNCTION_LOAD_FAILED if it is certainly a function of another platform.
 */
function functionOf(target: AnyFunction, file: string): LoadedFunction {
  stopInterceptingListen();
  const source = String(target);
  const names = parameterNames(source);
  if (appSetting === undefined && signatureSetting === undefined && isRequestListener(names))
    return { app: listenerApp(target as RequestListener) };
  const foreign = signatureSetting === "faas" ? undefined : foreignShape(source, names);
  if (foreign !== undefined) throw new Problem("FUNCTION_LOAD_FAILED", `${nameOf(file)}: ${foreign}`);
  return { handler: target as Handler };
}

/** Says why a function is certainly one of AWS Lambda; undefined if it is not. */
function foreignShape(source: string, names: readonly string[]): string | undefined {
  const third = names[2];
  if (third !== undefined && names.length === 3 && /^_*(?:callback|cb|done)$/i.test(third))
    return `expected handler(event, context), but its third parameter is "${third}". Deploy a function for AWS Lambda with --signature lambda, or return the result`;
  // The search costs nothing, which the expression does.
  if (source.includes("statusCode") && /(?:\breturn\s*\(?|=>\s*\()\s*\{\s*["']?statusCode["']?\s*:/.test(source))
    return 'the function returns "statusCode", as on AWS Lambda. Deploy it with --signature lambda, or return "status"';
  return undefined;
}

interface Fetcher {
  readonly fetch?: unknown;
}

/** Finds an application for Node's requests, an object with `fetch`, or the server that already listens. */
async function appOf(target: unknown, exported: Exported): Promise<LoadedFunction | undefined> {
  const [app, appTarget] = await exportedAppOf(target, exported);
  if (capturedApp() !== undefined && (app === undefined || isCapturedServerOf(appTarget)))
    return { app: (await whenListening(0)) as NodeApp };
  if (app !== undefined) {
    releaseCaptured();
    interceptOnlyExported(appTarget);
    return { app };
  }
  const found = fetchAppOf(target, exported);
  if (found !== undefined || appSetting !== "http" || typeof target !== "function") return found;
  // With few parameters it can be a function that starts the server.
  const listening = target.length < 2 ? await whenListening(LISTEN_MS) : undefined;
  return { app: listening ?? listenerApp(target as RequestListener) };
}

async function exportedAppOf(target: unknown, exported: Exported): Promise<[NodeApp | undefined, unknown]> {
  const app = await exportedApp(target);
  if (app !== undefined || typeof target === "function" || isFetcher(target)) return [app, target];
  for (const name of APP_EXPORTS) {
    const other = await exported(name);
    const otherApp = other === target ? undefined : await exportedApp(other);
    if (otherApp !== undefined) return [otherApp, other];
  }
  return [undefined, target];
}

function isFetcher(target: unknown): target is { fetch: Fetch } {
  return target !== null && target !== undefined && typeof (target as Fetcher).fetch === "function";
}

/** Finds a web-standard `fetch`: that of the target, of another export, or an exported function of this name. */
function fetchAppOf(target: unknown, exported: Exported): LoadedFunction | undefined {
  for (const each of [target, ...APP_EXPORTS.map(exported)]) {
    if (!isFetcher(each)) continue;
    interceptOnlyExported(each);
    return { fetch: fetchHandler(each.fetch, each) };
  }
  const fetch = appSetting === "fetch" && typeof target === "function" ? target : exported("fetch");
  if (typeof fetch !== "function") return undefined;
  interceptOnlyExported(fetch);
  return { fetch: fetchHandler(fetch as Fetch) };
}

/** Says why a module is neither a function nor an application, and what to do. */
function whyNothing(module: UserModule, target: unknown, key: string | undefined): string {
  if (usesCluster()) {
    return 'it starts processes with node:cluster. Deploy it as a server of its own, such as --command "node server.js"; replicas are started by faas';
  }
  if (appSetting === "http") {
    return `expected it to listen on PORT within ${SERVER_LISTEN_MS / 1000} s or to export an application, but it does neither`;
  }
  const listens = "A server has to call listen() while it loads, or be deployed with --app http";
  if (target === undefined) {
    const has = Object.keys(module).join(", ") || "nothing";
    const expected = handlerSetting ? `"${key}"` : EXPORTS.map((each) => `"${each}"`).join(" or ");
    return `expected it to export ${expected}, but it exports ${has}. ${listens}`;
  }
  const got = target === null ? "null" : typeof target;
  if (appSetting === "fetch") return `expected "${key}" to have a function fetch, got ${got}`;
  return `expected "${key}" to be a function, an application or an object with fetch, got ${got}. ${listens}`;
}

/** Tests whether the code runs itself in several processes, and ends these. */
function usesCluster(): boolean {
  const cluster = process.getBuiltinModule("node:cluster") as unknown as typeof import("node:cluster").default;
  const workers = Object.values(cluster.workers ?? {});
  for (const worker of workers) worker?.kill();
  return workers.length > 0;
}

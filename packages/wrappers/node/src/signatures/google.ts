import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { ListeningApp } from "../app/listening-app.ts";
import { runApp } from "../app/run-app.ts";
import type { LoadedFunction, Responder } from "../load/loaded-function.ts";
import { nameOf, pathOf } from "../options.ts";
import { Problem } from "../problem.ts";
import { binaryMessage, CloudEvent, hasCloudEvent, isCloudEvent, parseCloudEvent } from "./cloud-event.ts";
import { expressRequestOf } from "./express-request.ts";
import { expressResponseOf } from "./express-response.ts";
import { isCallback, parametersOf, sourceOf, type UserFunction } from "./function-source.ts";
import { bodyOf, parsedBodyOf } from "./request-facts.ts";

/** Parts of @google-cloud/functions-framework that are used, from the package of the user's function. */
interface Framework {
  readonly http: (name: string, handler: UserFunction) => void;
  readonly cloudEvent: (name: string, handler: UserFunction) => void;
  /** Makes a server, which does not listen, with all of the framework's middleware. Throws if there is no such function. */
  readonly getTestServer: (name: string) => Server;
}

/** Loads the functions framework if the user's code has it. */
function loadFramework(file: string): Framework | undefined {
  const require = process.getBuiltinModule("node:module").createRequire(file);
  const name = "@google-cloud/functions-framework";
  try {
    return { ...require(name), ...require(`${name}/testing`) };
  } catch (error) {
    if (/MODULE_NOT_FOUND|ERR_PACKAGE_PATH_NOT_EXPORTED/.test(String((error as NodeJS.ErrnoException).code)))
      return undefined;
    throw error;
  }
}

/** Returns names by which the user may have chosen a function, the strongest first. */
function* targetNames(setting: string | undefined): Generator<string> {
  const { FUNCTION_TARGET, GOOGLE_FUNCTION_TARGET } = process.env;
  for (const name of [FUNCTION_TARGET, GOOGLE_FUNCTION_TARGET, setting]) if (name) yield name;
  try {
    const { scripts } = JSON.parse(readFileSync(pathOf("package.json"), "utf8"));
    const [, name] = /functions-framework\b.*--target[= ]([\w-]+)/.exec(JSON.stringify(scripts)) ?? [];
    if (name !== undefined) yield name;
  } catch {
    // Has no package.json.
  }
  // The framework's own default.
  yield "function";
}

/**
 * Returns the server of the function that the user's code registers with the functions framework; undefined if it does not.
 *
 * @param setting - name of the function in FAAS_HANDLER
 * @throws FUNCTION_LOAD_FAILED if it is not clear which of several functions to serve.
 */
export function registeredGoogleFunction(file: string, setting: string | undefined): LoadedFunction | undefined {
  const framework = loadFramework(file);
  if (framework === undefined) return undefined;
  const serverNamed = (name: string): Server | undefined => {
    try {
      return framework.getTestServer(name);
    } catch {
      return undefined;
    }
  };
  for (const name of targetNames(setting)) {
    const server = serverNamed(name);
    if (server) return { app: new ListeningApp(server) };
  }
  const text = readFileSync(file, "utf8");
  const names = Array.from(
    text.matchAll(/\b(?:http|cloudEvent)\)?\s*\(\s*["'`]([\w-]+)["'`]/g),
    ([, name]) => name as string,
  );
  const registered = [...new Set(names)].filter(serverNamed);
  if (registered.length > 1) {
    throw new Problem(
      "FUNCTION_LOAD_FAILED",
      `${nameOf(file)}: registers the functions ${registered.join(", ")}. Set the variable FUNCTION_TARGET to one of them, as in --env FUNCTION_TARGET=${registered[0]}`,
    );
  }
  const server = registered[0] === undefined ? undefined : serverNamed(registered[0]);
  return server && { app: new ListeningApp(server) };
}

/** Makes a function for Google Cloud answer calls that was not registered: the kind is in FUNCTION_SIGNATURE_TYPE, or is seen by the names. */
export function googleFunction(handler: UserFunction, file: string, parameters: readonly string[]): LoadedFunction {
  const type = process.env.FUNCTION_SIGNATURE_TYPE ?? typeByNames(parameters);
  if (type === "event") return { respond: backgroundResponder(handler) };
  if (type === "cloudevent") return { respond: cloudEventResponder(handler) };
  const framework = loadFramework(file);
  if (framework === undefined) return { respond: expressResponder(handler) };
  framework.http("function", handler);
  return { app: new ListeningApp(framework.getTestServer("function")) };
}

function typeByNames([first = "", second = ""]: readonly string[]): string {
  if (/^_?(?:cloud_?event|ce)$/i.test(first)) return "cloudevent";
  return /^_?(?:data|event|message|file|pubsub\w*)$/i.test(first) && !/^_?res/i.test(second) ? "event" : "http";
}

/** Answers calls with a `(req, res)` function that uses Express' fields and methods. */
function expressResponder(handler: UserFunction): Responder {
  return async (call) => {
    const request = expressRequestOf(call, await bodyOf(call));
    await runApp(call, { request: () => handler(request, expressResponseOf(call)) });
  };
}

/** Answers CloudEvents with a function of the event. A returned CloudEvent is sent in binary content mode. */
export function cloudEventResponder(handler: UserFunction): Responder {
  const callsBack = isCallback(parametersOf(sourceOf(handler))[1]);
  return async (call) => {
    const event = parseCloudEvent(call.request.headers, await bodyOf(call));
    const result = await withCallback((callback) => handler(event, callsBack ? callback : call.context), callsBack);
    return isCloudEvent(result) ? binaryMessage(result) : result;
  };
}

/** Answers background events with a function of the data and the context. */
function backgroundResponder(handler: UserFunction): Responder {
  return async (call) => {
    const { headers } = call.request;
    const body = await bodyOf(call);
    const message = hasCloudEvent(headers)
      ? parseCloudEvent(headers, body)
      : parsedBodyOf(call.request, body, "application/json");
    if (typeof message !== "object" || message === null || Buffer.isBuffer(message))
      throw new Problem(
        "INVALID_REQUEST",
        'Expected an event as a JSON object with "data" and "context", or a CloudEvent',
      );
    const { data, context, ...rest } = message as Record<string, unknown>;
    const attributes = context ?? (message instanceof CloudEvent ? contextOfCloudEvent(rest) : rest);
    return withCallback((callback) => handler(data, attributes, callback), handler.length > 2);
  };
}

/** Names the attributes of a CloudEvent as background functions know them. */
function contextOfCloudEvent({ id, time, type, source, ...rest }: Record<string, unknown>): Record<string, unknown> {
  return { eventId: id, timestamp: time, eventType: type, resource: source, ...rest };
}

/** Runs a function that returns a result, a promise of it, or calls back with it. */
function withCallback(
  run: (callback: (error?: unknown, result?: unknown) => void) => unknown,
  callsBack: boolean,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const result = run((error, value) => (error ? reject(error) : resolve(value)));
    if (result !== undefined || !callsBack) resolve(result);
  });
}

import { stopInterceptingListen } from "../app/intercept-listen.ts";
import { lazyIfUsed } from "../lazy/load.ts";
import { appSetting, handlerSetting, signatureSetting } from "../options.ts";
import type { Handler, LoadedFunction, UserModule } from "./loaded-function.ts";
import { parameterNames } from "./parameter-names.ts";

// A plain handler is recognized without the code for everything else, and without regular expressions, which take long the first time: this
// runs at every start. In doubt a module gets a closer look.

/** Names that only functions of other platforms use; the fields of AWS Lambda's events among them. */
const FOREIGN_WORDS = [
  "statusCode",
  "rawPath",
  "rawQueryString",
  "requestContext",
  "ueryStringParameters",
  "multiValueHeaders",
  "pathParameters",
  "isBase64Encoded",
  "httpMethod",
  "stageVariables",
  "routeKey",
];
/** Parameters of plain handlers. */
const FIRST = ["event", "_event", "_", "e", "evt"];
const SECOND = ["context", "_context", "ctx"];
/** Fields of the context that a plain handler uses. */
const CONTEXT_FIELDS = ["org", "endpoint", "revision", "requestId", "deadline", "signal", "log."];

/** Returns the handler of a module that is certainly a plain one; undefined if a closer look is needed. */
export function plainHandlerOf(module: UserModule): LoadedFunction | undefined {
  if (appSetting !== undefined && appSetting !== "function") return undefined;
  if (signatureSetting !== undefined && signatureSetting !== "faas") return undefined;
  // It is used already if the code listens.
  if (lazyIfUsed() !== undefined || "websocket" in module || module.default?.websocket !== undefined) return undefined;
  const key = handlerSetting ? handlerSetting.slice(handlerSetting.lastIndexOf(".") + 1) : "handler";
  if (key === "handle" || key.startsWith("lambda") || key === "default") return undefined;
  const target = module[key] ?? module.default?.[key];
  if (typeof target !== "function" || !isPlain(target as Handler)) return undefined;
  stopInterceptingListen();
  return { handler: target as Handler };
}

function isPlain(target: Handler): boolean {
  if (Reflect.ownKeys(target).length > 3) return false;
  const source = String(target);
  const names = parameterNames(source);
  const second = names[1];
  if (names.length > 2 || !FIRST.includes(names[0] || "_")) return false;
  if (second !== undefined && (!SECOND.includes(second) || !usesOnlyContext(source, second))) return false;
  return !FOREIGN_WORDS.some((word) => source.includes(word));
}

/** Tests whether a source uses its context only by the fields that ours has. */
function usesOnlyContext(source: string, name: string): boolean {
  for (let at = source.indexOf(name, source.indexOf(")")); at >= 0; at = source.indexOf(name, at + 1)) {
    const rest = at + name.length;
    if (source[rest] !== "." || !CONTEXT_FIELDS.some((field) => source.startsWith(field, rest + 1))) return false;
  }
  return true;
}

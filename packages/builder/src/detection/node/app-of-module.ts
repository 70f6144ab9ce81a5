import type { App, Signature } from "@faas/core";
import { Evaluator, type Value } from "./evaluate.ts";
import { type Convention, conventionOf } from "./function-signature.ts";
import type { NodeModule, NodeModules } from "./module.ts";
import { NATIVE_SERVERS, packageCall } from "./packages.ts";
import { type AnyNode, keyName, memberName, parameterName, stringValue, walk } from "./syntax.ts";

/** How a Node module serves requests. */
export interface ModuleApp {
  readonly app: App;
  readonly signature?: Signature;
  /** Export that serves; absent for a plain function, which the wrapper finds, and for a module that only listens. */
  readonly export?: string;
  /** True for a plain function with a name that only functions have, `handler` or `main`. */
  readonly isNamed?: boolean;
  /** Framework, or empty if none is known. */
  readonly framework: string;
  /** True if the module, or one that it loads, listens. */
  readonly listens: boolean;
  /** True if only a process of its own can run it. */
  readonly needsProcess: boolean;
}

/** Exports that the wrapper looks for without a handler. */
const FUNCTION_EXPORTS = ["handler", "main"];
const LAMBDA_EXPORTS = ["handler", "lambdaHandler", "main", "default"];
const MAX_MODULES = 500;
/** Servers that a framework may be given to. */
const PLAIN_SERVERS = new Set(["", "Node", "Socket.IO"]);

/** Recognizes what a module serves; undefined if it neither exports nor starts anything that is known. */
export async function appOfModule(
  entry: NodeModule,
  modules: NodeModules,
  wanted?: string,
): Promise<ModuleApp | undefined> {
  const evaluator = new Evaluator(modules);
  const names = wanted === undefined ? [...entry.exports.keys()] : [wanted];
  const meanings = new Map<string, Meaning>();
  for (const name of names) {
    const value = await evaluator.exported(entry, name);
    if (value) meanings.set(name, await meaningOf(value, evaluator));
  }
  const registered = await registeredFunction(entry, evaluator);
  if (registered && wanted === undefined) return registered;
  const exported = exportedApp(meanings, wanted);
  // A plain function: nothing else matters, and no other file is read.
  if (exported?.app === "function" && exported.isCertain) return { ...exported, listens: false, needsProcess: false };
  const isFunction = exported?.app === "function" && exported.signature === undefined;
  // A function may use something else that has a method `listen`.
  const reached = isFunction ? [entry] : await reachable(entry, modules);
  const foundFramework = await listening(reached, evaluator);
  const started = isFunction && foundFramework === "" ? undefined : foundFramework;
  const needsProcess = isNative(reached) || usesCluster(reached);
  if (exported && !exported.isWeak && !isFunction) return { ...exported, listens: started !== undefined, needsProcess };
  if (started === undefined && !needsProcess) return exported && { ...exported, listens: false, needsProcess };
  return { app: "http", framework: started ?? "", listens: true, needsProcess };
}

/** Meaning of an exported value. */
type Meaning =
  | { readonly kind: "http" | "fetch" | "lambda"; readonly framework: string }
  | { readonly kind: "function"; readonly convention: Convention | undefined; readonly isEnv: boolean }
  | { readonly kind: "fetchObject"; readonly isEnv: boolean; readonly framework: string }
  | { readonly kind: "other" | "unknown" };

async function meaningOf(value: Value, evaluator: Evaluator): Promise<Meaning> {
  switch (value.kind) {
    case "call": {
      const call = packageCall(value.specifier, value.path);
      return call && call.kind !== "listener" ? { kind: call.kind, framework: call.framework } : { kind: "unknown" };
    }
    case "member": {
      // `app.fetch` and `server.callback()`.
      const of = await meaningOf(value.of, evaluator);
      return of.kind === "fetch" && value.name === "fetch" ? of : { kind: "unknown" };
    }
    case "function":
      return {
        kind: "function",
        convention: conventionOf(value.node),
        isEnv: false,
      };
    case "object":
      return objectMeaning(value, evaluator);
    case "module": {
      const whole = await evaluator.exported(value.module, "default");
      return whole ? meaningOf(whole, evaluator) : { kind: "other" };
    }
    case "unknown":
    case "package":
      return { kind: "unknown" };
    default:
      return { kind: "other" };
  }
}

/** Recognizes `{ fetch }` in the forms of Cloudflare, Bun and Deno. */
async function objectMeaning(
  { node, module }: Value & { readonly kind: "object" },
  evaluator: Evaluator,
): Promise<Meaning> {
  for (const property of node.properties) {
    if (property.type !== "Property" || keyName(property.key) !== "fetch") continue;
    const fetch = await evaluator.evaluate(property.value, module);
    const inner = await meaningOf(fetch, evaluator);
    const framework = inner.kind === "fetch" ? inner.framework : "";
    const [, second, third] = fetch.kind === "function" ? fetch.node.params : [];
    const isEnv =
      /^_?env$/i.test(parameterName(second) ?? "") || third !== undefined || second?.type === "ObjectPattern";
    return { kind: "fetchObject", isEnv: isEnv || framework !== "", framework };
  }
  return { kind: "other" };
}

interface Exported {
  readonly app: App;
  readonly signature?: Signature;
  readonly export?: string;
  readonly framework: string;
  readonly isNamed?: boolean;
  /** True for what the wrapper serves as a function without any setting. */
  readonly isCertain: boolean;
  /** True for a function that may be only a part of a server. */
  readonly isWeak?: boolean;
}

function exportedApp(found: ReadonlyMap<string, Meaning>, wanted: string | undefined): Exported | undefined {
  const named = wanted === undefined ? FUNCTION_EXPORTS : [wanted];
  for (const name of wanted === undefined ? LAMBDA_EXPORTS : [wanted]) {
    const meaning = found.get(name);
    const isLambda = meaning?.kind === "lambda" || (meaning?.kind === "function" && meaning.convention === "lambda");
    if (isLambda || (name === "lambdaHandler" && meaning)) return { ...signatureApp("lambda"), export: name };
  }
  for (const name of named) {
    const meaning = found.get(name);
    if (!meaning) continue;
    const special = appOfMeaning(meaning, name);
    if (special) return special;
    if (meaning.kind === "function" || meaning.kind === "unknown") return { ...PLAIN, export: name, isNamed: true };
  }
  const whole = found.get("default");
  const special = whole && appOfMeaning(whole, "default");
  if (special) return special;
  if (whole?.kind === "function") return { ...PLAIN, isCertain: wanted !== undefined };
  if (whole?.kind === "fetchObject") return PLAIN;
  for (const [name, meaning] of found) {
    const app = name === "default" ? undefined : appOfMeaning(meaning, name);
    if (app) return meaning.kind === "function" ? { ...app, isCertain: false, isWeak: true } : app;
  }
  return whole ? { ...PLAIN, isCertain: false } : undefined;
}

const PLAIN: Exported = { app: "function", framework: "", isCertain: true };
const signatureApp = (signature: Signature): Exported => ({
  app: "function",
  signature,
  framework: "",
  isCertain: true,
});

function appOfMeaning(meaning: Meaning, name: string): Exported | undefined {
  const app = { export: name, isCertain: true };
  if (meaning.kind === "http") return { app: "http", framework: meaning.framework, ...app };
  if (meaning.kind === "fetch") return { app: "fetch", framework: meaning.framework, ...app };
  if (meaning.kind === "lambda") return { ...signatureApp("lambda"), ...app };
  if (meaning.kind === "fetchObject")
    return meaning.isEnv ? { app: "fetch", framework: meaning.framework, ...app } : undefined;
  if (meaning.kind !== "function" || meaning.convention === undefined) return undefined;
  if (meaning.convention === "http" || meaning.convention === "fetch")
    return { app: meaning.convention, framework: "", ...app };
  return { ...signatureApp(meaning.convention), ...app };
}

/** Finds the call of Google's functions-framework that registers a function: `functions.http("name", …)`. */
async function registeredFunction(entry: NodeModule, evaluator: Evaluator): Promise<ModuleApp | undefined> {
  const calls: (AnyNode & { readonly type: "CallExpression" })[] = [];
  walk(entry.program, (node) => {
    if (node.type === "CallExpression" && stringValue(node.arguments[0]) !== undefined) calls.push(node);
  });
  for (const call of calls) {
    const callee = await evaluator.evaluate(call.callee as AnyNode, entry);
    if (callee.kind !== "package" || callee.specifier !== "@google-cloud/functions-framework") continue;
    const kind = callee.path.at(-1);
    if (kind !== "http" && kind !== "cloudEvent") continue;
    const signature = "gcf";
    const name = stringValue(call.arguments[0]) ?? "";
    return { app: "function", signature, export: name, framework: "", listens: false, needsProcess: false };
  }
  return undefined;
}

/** Lists the modules of the folder that a module loads, with itself. */
async function reachable(entry: NodeModule, modules: NodeModules): Promise<NodeModule[]> {
  const found = new Map([[entry.path, entry]]);
  for (const module of found.values()) {
    for (const specifier of module.specifiers) {
      const path = modules.resolve(specifier, module);
      if (path === undefined || found.has(path) || found.size >= MAX_MODULES || path.endsWith(".json")) continue;
      const loaded = await modules.load(path);
      if (loaded) found.set(path, loaded);
    }
  }
  return [...found.values()];
}

/** Returns the framework of the server that one of the modules starts; undefined if none does. */
async function listening(modules: readonly NodeModule[], evaluator: Evaluator): Promise<string | undefined> {
  let found: string | undefined;
  for (const module of modules)
    for (const call of callsIn(module)) {
      const framework = await startedBy(call, module, evaluator);
      // A framework says more than the server of Node that it is given to.
      if (framework !== undefined && (found === undefined || PLAIN_SERVERS.has(found)))
        found = framework || found || "";
    }
  if (found === undefined || !PLAIN_SERVERS.has(found)) return found;
  return (await frameworkIn(modules, evaluator)) ?? found;
}

type Call = AnyNode & { readonly type: "CallExpression" | "NewExpression" };

function callsIn(module: NodeModule): Call[] {
  const calls: Call[] = [];
  walk(module.program, (node) => {
    if (node.type === "CallExpression" || node.type === "NewExpression") calls.push(node);
  });
  return calls;
}

async function startedBy(call: Call, module: NodeModule, evaluator: Evaluator): Promise<string | undefined> {
  const callee = call.callee as AnyNode;
  const method = memberName(callee);
  if (callee.type === "MemberExpression" && (method === "listen" || method === "start")) {
    const object = await meaningOf(await evaluator.evaluate(callee.object as AnyNode, module), evaluator);
    if (object.kind === "http" || object.kind === "fetch") return object.framework;
    return method === "listen" ? "" : undefined;
  }
  const called = await evaluator.evaluate(call, module);
  const found = called.kind === "call" ? packageCall(called.specifier, called.path) : undefined;
  return found?.kind === "listener" ? found.framework : undefined;
}

/** Returns the first framework whose app one of the modules creates. */
async function frameworkIn(modules: readonly NodeModule[], evaluator: Evaluator): Promise<string | undefined> {
  for (const module of modules)
    for (const call of callsIn(module)) {
      const value = await evaluator.evaluate(call, module);
      const created = value.kind === "call" ? packageCall(value.specifier, value.path) : undefined;
      if (created && !PLAIN_SERVERS.has(created.framework)) return created.framework;
    }
  return undefined;
}

const isNative = (modules: readonly NodeModule[]): boolean =>
  modules.some(({ specifiers }) => specifiers.some((specifier) => NATIVE_SERVERS.has(specifier)));

/** Returns true if a module forks processes that share a port, which a single process cannot stand for. */
function usesCluster(modules: readonly NodeModule[]): boolean {
  return modules.some(
    (module) =>
      module.specifiers.some((specifier) => /^(?:node:)?cluster$/.test(specifier)) &&
      callsIn(module).some(({ callee }) => memberName(callee as AnyNode) === "fork"),
  );
}

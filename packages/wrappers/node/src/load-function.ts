import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { lazy, lazyIfUsed } from "./lazy/load.ts";
import type { LoadedFunction, UserModule } from "./load/loaded-function.ts";
import { plainHandlerOf } from "./load/plain-handler.ts";
import { appSetting, EXTENSIONS, handlerSetting, nameOf, pathOf } from "./options.ts";
import { messageOf, Problem, stackOf } from "./problem.ts";
import { prepareSignature } from "./signatures/prepare.ts";

/** File names without extension, tried if no handler is set. */
const FILES = ["index", "main", "handler", "function", "app"];

/** The user's function; undefined until loading ends. */
export let loaded: LoadedFunction | undefined;
/** Resolves when loading ends, also after a failure. */
let loadingEnd: Promise<LoadedFunction> | undefined;
/** When loading began and ended: `performance.now()`. */
export const loading = { beganAt: 0, endedAt: 0 };

/** Uses a function that is not the user's, or none. */
export function useFunction(userFunction: LoadedFunction | undefined): void {
  loaded = userFunction;
}

/** Starts to load the user's code. A failure is logged and stored: the wrapper stays up and answers every call with it. */
export function startLoading(): void {
  loading.beganAt = performance.now();
  loadingEnd = load()
    .catch((error) => ({
      problem: error instanceof Problem ? error : new Problem("FUNCTION_LOAD_FAILED", String(stackOf(error))),
    }))
    .then((result: LoadedFunction) => {
      loaded = result;
      loading.endedAt = performance.now();
      if (result.problem) console.error(result.problem.message);
      return result;
    });
}

/** Waits until loading ends. */
export function whenLoaded(): Promise<LoadedFunction> {
  if (loadingEnd === undefined) throw new Error("Expected startLoading to be called first");
  return loadingEnd;
}

/** @throws FUNCTION_LOAD_FAILED with the file, the line and the message. */
async function load(): Promise<LoadedFunction> {
  const dot = handlerSetting ? handlerSetting.lastIndexOf(".") : -1;
  const file = handlerSetting ? findFile([handlerSetting.slice(0, dot)], handlerSetting) : findFile(FILES);
  if (appSetting === "http") lazy().actAsEntryPoint(file);
  prepareSignature();
  const module = await importModule(file);
  return plainHandlerOf(module) ?? lazyIfUsed()?.serviceWorker() ?? lazy().chooseFunction(module, file);
}

/**
 * Imports a file of the user's code.
 *
 * @throws FUNCTION_LOAD_FAILED with the file, the line and the message.
 */
export async function importModule(file: string, query = ""): Promise<UserModule> {
  try {
    return await import(pathToFileURL(file).href + query);
  } catch (error) {
    if (query === "" && lazy().needsServiceWorker(error)) {
      lazy().defineServiceWorker();
      // The failed module stays as it is: another address loads it again.
      return importModule(file, "?service-worker");
    }
    const syntax = error instanceof SyntaxError ? await lazy().describeSyntaxError(file) : undefined;
    const text = syntax ?? String(stackOf(error));
    // The message is logged at the end of loading.
    const rest = lazy().withoutMessage(text, messageOf(error));
    if (rest !== "") console.error(rest);
    const location = lazy().locationIn(syntax ?? String((error as Error | undefined)?.stack ?? "")) ?? nameOf(file);
    const kind = (error as Error | undefined)?.name ?? "Error";
    throw new Problem("FUNCTION_LOAD_FAILED", `${location}: ${kind}: ${lazy().explain(messageOf(error))}`);
  }
}

/** @throws FUNCTION_LOAD_FAILED with the expected names if there is no such file. */
function findFile(names: readonly string[], setting?: string): string {
  const candidates = scripts(names);
  // After the names of "index".
  if (!setting) candidates.splice(3, 0, ...mainOfManifest());
  const found = [...candidates, ...(setting ? [] : scripts(names.map((name) => `src/${name}`)))].find((name) =>
    existsSync(pathOf(name)),
  );
  if (found) return pathOf(found);
  throw new Problem(
    "FUNCTION_LOAD_FAILED",
    setting
      ? `Expected the handler "${setting}" in one of ${candidates.join(", ")}, but none of them exists`
      : `Expected the function in one of ${candidates.join(", ")}, or in src, but none of them exists. Set the handler to "file.export"`,
  );
}

const scripts = (stems: readonly string[]): string[] =>
  stems.flatMap((stem) => EXTENSIONS.map((extension) => stem + extension));

/** Returns the files that `main` of package.json may mean: it can be without extension, a folder, or the source of a compiled file. */
function mainOfManifest(): string[] {
  try {
    const { main } = JSON.parse(readFileSync(pathOf("package.json"), "utf8"));
    if (typeof main !== "string") return [];
    const exact = EXTENSIONS.some((extension) => main.endsWith(extension)) ? [main] : [];
    return [...exact, ...scripts([main.replace(/\.[mc]?[jt]sx?$/, ""), `${main}/index`])];
  } catch {
    return [];
  }
}

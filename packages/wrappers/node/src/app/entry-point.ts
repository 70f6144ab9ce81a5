import { readFileSync } from "node:fs";
import { createRequire, registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

/**
 * Makes a module the program's entry point, as under `node server.js`: many servers listen only if they are it, by `require.main === module`, by
 * `process.argv[1]` or by `import.meta.main`.
 */
export function actAsEntryPoint(file: string): void {
  process.argv[1] = file;
  const { cache } = createRequire(file);
  // Node gives it to each CommonJS module as `require.main`.
  Object.defineProperty(process, "mainModule", { configurable: true, enumerable: true, get: () => cache[file] });
  if (registerHooks === undefined || !readFileSync(file, "utf8").includes("import.meta.main")) return;
  const { href } = pathToFileURL(file);
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== href || loaded.format !== "module") return loaded;
      hooks.deregister();
      // Columns stay as they are.
      return { ...loaded, source: String(loaded.source).replaceAll("import.meta.main", "(true)          ") };
    },
  });
}

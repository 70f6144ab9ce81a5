import type { ModuleFormat } from "./file-names.ts";
import type { ModuleSyntax } from "./module-syntax.ts";

/** Definitions of names that `transform.ts` uses, by name. */
const CJS_DEFINITIONS = {
  __faas_url: 'require("node:url").pathToFileURL(__filename).href',
  __faas_main: "require.main === module",
  __faas_resolve:
    '(id) => { const found = require.resolve(id); return require("node:path").isAbsolute(found) ? require("node:url").pathToFileURL(found).href : "node:" + found.replace(/^node:/, ""); }',
  // The default export of a compiled CommonJS module is a field of the one that Node sees.
  __faas_import: '(module) => module.then((m) => ("module.exports" in m && m.default?.__esModule ? m.default : m))',
};

/** Inserts the definitions that a compiled file uses. They are on its first line, so that the lines of its source map stay right. */
export function addPrelude(code: string, format: ModuleFormat, { declared }: ModuleSyntax): string {
  const definitions = format === "cjs" ? cjsDefinitions(code) : esmDefinitions(code, declared);
  if (definitions === "") return code;
  const [directive = ""] = /^(?:#![^\n]*\n)?(?:"use strict";)?/.exec(code) ?? [];
  return `${directive}${definitions}${code.slice(directive.length)}`;
}

function cjsDefinitions(code: string): string {
  const used = Object.entries(CJS_DEFINITIONS).filter(([name]) => code.includes(name));
  return used.map(([name, text]) => `const ${name} = ${text};`).join("");
}

function esmDefinitions(code: string, declared: ReadonlySet<string>): string {
  if (declared.has("require") || !/\brequire\b/.test(code)) return "";
  return 'import { createRequire as __faas_createRequire } from "node:module";const require = __faas_createRequire(import.meta.url);';
}

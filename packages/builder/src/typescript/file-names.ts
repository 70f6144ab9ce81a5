import { extname } from "node:path";

export type ModuleFormat = "cjs" | "esm";

/** Folder in the bundle for compiled files from outside of the function's folder, one subfolder per level above it. */
const OUTSIDE = ".outside";

/** Returns true for a TypeScript file with code; declarations (`.d.ts`) have none. */
export const isTypeScript = (name: string): boolean => /(?<!\.d)\.[mc]?tsx?$/.test(name);

/** Returns true for a file whose syntax Node does not run, or not everywhere. */
export const needsTransform = (name: string): boolean => isTypeScript(name) || name.endsWith(".jsx");

/** Returns true for a file of JavaScript modules. */
export const isJavaScript = (name: string): boolean => /\.[mc]?js$/.test(name);

/** Returns the module format that a file's extension demands. */
export function formatOfExtension(name: string): ModuleFormat | undefined {
  if (/\.m[tj]s$/.test(name)) return "esm";
  return /\.c[tj]s$/.test(name) ? "cjs" : undefined;
}

/** Returns true for a path relative to the function's folder that leaves it. */
export const isOutside = (name: string): boolean => name.startsWith("../");

/** Returns the path in the bundle of a file, which differs from its own path only outside of the folder. */
export function bundledName(name: string): string {
  const [, up = "", rest = ""] = /^((?:\.\.\/)*)(.*)$/s.exec(name) ?? [];
  return up === "" ? name : `${OUTSIDE}/${up.length / 3}/${rest}`;
}

/**
 * Returns the path in the bundle of a compiled file. The extension is `.js` where Node takes that for the format, so that computed paths find
 * the file, and says the format elsewhere.
 */
export function compiledName(name: string, format: ModuleFormat, scope: ModuleFormat): string {
  const stem = bundledName(name).slice(0, -extname(name).length);
  const isExplicit = formatOfExtension(name) !== undefined || isOutside(name) || format !== scope;
  return stem + (isExplicit ? (format === "esm" ? ".mjs" : ".cjs") : ".js");
}

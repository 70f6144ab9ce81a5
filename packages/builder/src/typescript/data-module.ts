import { FaasError } from "@faas/core";
import type { ModuleFormat } from "./file-names.ts";

/**
 * Creates a module from a JSON or text file, for imports that Node does not support: of text, and of JSON without `with { type: "json" }`.
 * JSON has its fields as exports too, as with `resolveJsonModule`.
 *
 * @throws BUILD_FAILED
 */
export function dataModule(name: string, text: string, format: ModuleFormat): string {
  const value = name.endsWith(".json") ? parse(name, text) : text;
  const literal = JSON.stringify(value);
  if (format === "cjs") return `module.exports = { __esModule: true, default: ${literal} };\n`;
  const names = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  const fields = names.filter((field) => /^[A-Za-z_$][\w$]*$/.test(field) && field !== "default");
  const constants = fields.map((field, index) => `const field${index} = data.${field};\n`);
  const exported = fields.map((field, index) => `field${index} as ${field}`);
  return `const data = ${literal};\n${constants.join("")}export { ${["data as default", ...exported].join(", ")} };\n`;
}

function parse(name: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (cause) {
    throw new FaasError("BUILD_FAILED", `${name}: ${(cause as Error).message}`, { cause });
  }
}

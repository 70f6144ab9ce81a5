import { readFileSync } from "node:fs";
import { expectedAndGot, FaasError, parseTool, type ToolSettings, toolSettingsSchema } from "@faas/core";
import { InvalidArgumentError } from "commander";

/** Parses the value of `--tool`: a JSON object, or the path of a file that has one. */
export function toolOption(value: string): ToolSettings {
  const isJson = value.trimStart().startsWith("{");
  const tool = parseTool(isJson ? value : readText(value));
  if (tool === undefined)
    throw new InvalidArgumentError(`a JSON object with "description"${isJson ? "" : ` in ${value}`}`);
  const result = toolSettingsSchema.safeParse(tool, { error: expectedAndGot });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join(".");
  throw new FaasError("USAGE", `In the \`--tool\` option: ${path ? `"${path}": ` : ""}${issue?.message ?? "invalid"}`);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new InvalidArgumentError(
      `a JSON object, or a file that has one, got "${file}", which cannot be read (${(error as NodeJS.ErrnoException).code})`,
    );
  }
}

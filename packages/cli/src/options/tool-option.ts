import { readFileSync } from "node:fs";
import { parseTool, type ToolSettings, toolSettingsSchema, validate } from "@faas/core";
import { InvalidArgumentError } from "commander";

/** Parses the value of `--tool`: a JSON object, or the path of a file that has one. */
export function toolOption(value: string): ToolSettings {
  const isJson = value.trimStart().startsWith("{");
  const tool = parseTool(isJson ? value : readText(value));
  if (tool === undefined)
    throw new InvalidArgumentError(`a JSON object with "description"${isJson ? "" : ` in ${value}`}`);
  return validate(toolSettingsSchema, tool, "the `--tool` option", "USAGE");
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

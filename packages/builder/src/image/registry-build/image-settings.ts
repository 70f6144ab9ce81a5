import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Language } from "@faas/core";
import { TEMPLATE_FOLDERS, templates } from "../../bundle/prepare.ts";
import { dockerfileInstructions } from "../../docker/dockerfile-instructions.ts";
import type { BaseFacts } from "../config.ts";

type Config = BaseFacts["Config"];

/** Returns the configuration that the runtime's Dockerfile in `templates` gives an image: variables, user, command. */
export async function environmentConfig(runtime: Language, base: Config): Promise<Config> {
  const dockerfile = await readFile(join(templates, TEMPLATE_FOLDERS[runtime], "Dockerfile"), "utf8");
  return applyInstructions(base, dockerfile);
}

/** Applies the instructions of the first stage that change the configuration. */
export function applyInstructions(base: Config, dockerfile: string): Config {
  const config = { ...base };
  let stages = 0;
  for (const { text } of dockerfileInstructions(dockerfile)) {
    const [, name = "", value = ""] = /^(\w+)\s+([\s\S]*)$/.exec(text) ?? [];
    if (name === "FROM" && ++stages > 1) break;
    if (name === "ENV") config.Env = withVariables(config.Env, value.split(/\s+/));
    else if (name === "WORKDIR") config.WorkingDir = value;
    else if (name === "USER") config.User = value;
    else if (name === "EXPOSE") config.ExposedPorts = { ...config.ExposedPorts, [`${value}/tcp`]: {} };
    else if (name === "ENTRYPOINT") setEntrypoint(config, JSON.parse(value));
    else if (name === "CMD") config.Cmd = JSON.parse(value);
  }
  return config;
}

function setEntrypoint(config: Config, words: string[]): void {
  // As the engine does for an empty list.
  config.Entrypoint = words.length === 0 ? undefined : words;
}

/** Replaces variables in their place, and adds others at the end, as the engine does. */
function withVariables(env: readonly string[] | undefined, assignments: readonly string[]): string[] {
  const variables = [...(env ?? [])];
  for (const assignment of assignments) {
    const name = assignment.slice(0, assignment.indexOf("=") + 1);
    const index = variables.findIndex((each) => each.startsWith(name));
    if (index < 0) variables.push(assignment);
    else variables[index] = assignment;
  }
  return variables;
}

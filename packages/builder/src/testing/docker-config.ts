import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tempDir } from "@faas/testing";

/** Writes a Docker `config.json` into a temporary folder and returns the environment that selects it. */
export async function dockerConfig(config: object): Promise<Record<string, string>> {
  const folder = tempDir("docker-config");
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  return { DOCKER_CONFIG: folder, HOME: folder };
}

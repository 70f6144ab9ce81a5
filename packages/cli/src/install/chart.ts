import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FaasError } from "@faas/core";
import type { Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { version } from "../version.ts";

/**
 * Writes the Helm chart of an installation.
 *
 * @throws USAGE for a folder with files
 */
export async function writeChart(folder: string, io: Io): Promise<void> {
  const present = await readdir(folder).catch(() => []);
  if (present.length > 0)
    throw new FaasError("USAGE", `Expected a new or empty folder for the chart, got ${folder}, which has files`);
  const { chartFiles } = await import("@faas/installer");
  for (const { path, text } of chartFiles(version)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  io.stdout.write(`${folder}\n`);
  printStatus(io, `Install it: helm install faas ${folder} --namespace faas-system --create-namespace --set image=…`);
  printStatus(
    io,
    "It refers to the Secrets faas-admin-key and faas-gateway-token: faas install --dry-run prints new ones.",
  );
}

import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runProgram, tempDir } from "@faas/testing";

/** Builds and pushes an image with the content of another one and a digest of its own, as a next version has. Returns its reference by digest. */
export async function derivedImage(image: string): Promise<string> {
  const folder = tempDir("derived-image");
  await writeFile(join(folder, "Dockerfile"), `FROM ${image}\nLABEL faults=${randomUUID()}\n`);
  const name = image.replace(/@.*$/, "");
  const tag = `${name}:faults`;
  await docker(folder, "build", "--quiet", "--tag", tag, ".");
  await docker(folder, "push", "--quiet", tag);
  const digests = await docker(folder, "image", "inspect", "--format", '{{join .RepoDigests "\\n"}}', tag);
  const reference = digests.split("\n").find((digest) => digest.startsWith(`${name}@`));
  if (reference === undefined) throw new Error(`the pushed image ${tag} has no digest: ${digests}`);
  return reference.trim();
}

async function docker(cwd: string, ...args: readonly string[]): Promise<string> {
  const { code, output } = await runProgram("docker", args, { cwd, env: process.env });
  if (code !== 0) throw new Error(`docker ${args.join(" ")} ended with ${code}: ${output}`);
  return output;
}

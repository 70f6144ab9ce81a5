/**
 * `npm run release [-- --out DIR] [--local] [--no-image]`: writes a release: the package for `npm install --global`, the server's image as an OCI
 * archive (where Docker is present), a software bill of materials, and the SHA-256 checksums of these files.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildServerImage } from "@faas/builder";
import { repository } from "./folders.ts";
import { writeOciArchive } from "./oci-archive.ts";
import { writePackageFolder } from "./package-folder.ts";
import { sbomOf } from "./sbom.ts";
import { writeTarball } from "./tarball.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: join(repository, "dist") },
    local: { type: "boolean", default: false },
    "no-image": { type: "boolean", default: false },
  },
});

const { version } = JSON.parse(await readFile(join(repository, "packages/cli/package.json"), "utf8"));
const out = resolve(values.out);
const folder = await mkdtemp(join(tmpdir(), "faas-release-"));
try {
  await mkdir(out, { recursive: true });
  const names = [`faas-${version}.tgz`, `faas-${version}.cdx.json`] as const;
  const packages = await writePackageFolder(folder, { version, isLocal: values.local });
  await writeTarball(folder, join(out, names[0]), values.local ? 1 : 9);
  await writeFile(join(out, names[1]), await sbomOf(packages, version));
  const image = values["no-image"] ? undefined : await writeServerImage();
  await writeChecksums([...names, ...(image === undefined ? [] : [image])]);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** Builds the server's image and writes it; returns the name of the file, or undefined without Docker. */
async function writeServerImage(): Promise<string | undefined> {
  if (!hasDocker()) {
    console.error("No Docker engine responds: the release has no image of the server");
    return undefined;
  }
  const { tagged } = await buildServerImage({ programFolder: folder, push: false, tag: version });
  const name = `faas-server-${version}.oci.tar`;
  await writeOciArchive(tagged, version, join(out, name));
  return name;
}

function hasDocker(): boolean {
  try {
    execFileSync("docker", ["version", "--format", "{{.Server.Version}}"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

async function writeChecksums(names: readonly string[]): Promise<void> {
  const lines: string[] = [];
  for (const name of names) {
    const { size } = await stat(join(out, name));
    const digest = createHash("sha256").update(await readFile(join(out, name)));
    lines.push(`${digest.digest("hex")}  ${name}\n`);
    console.log(`${join(out, name)}  ${(size / 2 ** 20).toFixed(1)} MiB`);
  }
  await writeFile(join(out, "SHA256SUMS"), lines.join(""));
  console.log(join(out, "SHA256SUMS"));
}

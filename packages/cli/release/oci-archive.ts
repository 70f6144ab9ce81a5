import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGzip } from "node:zlib";

const run = promisify(execFile);
const OCI = "application/vnd.oci.image";

/** Entry of `manifest.json` in an archive of `docker image save`. */
interface SavedImage {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

/** Descriptor of a blob (OCI image specification). */
interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * Writes an image of the Docker engine as an OCI image layout in a tar file, which `skopeo`, `podman load` and `ctr images import` read. It has the
 * manifest of `docker image load` too.
 */
export async function writeOciArchive(image: string, version: string, file: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "faas-oci-"));
  try {
    const saved = join(folder, "saved");
    const layout = join(folder, "layout");
    await mkdir(saved);
    await mkdir(join(layout, "blobs/sha256"), { recursive: true });
    // Docker before version 25 saves images in a layout of its own.
    await run("docker", ["image", "save", "--output", join(folder, "saved.tar"), image]);
    await run("tar", ["-xf", join(folder, "saved.tar"), "-C", saved]);
    const [found] = JSON.parse(await readFile(join(saved, "manifest.json"), "utf8")) as SavedImage[];
    if (found === undefined) throw new Error(`Expected docker image save to write ${image}, got no image`);
    await writeLayout(found, saved, layout, version);
    await run("tar", ["-cf", file, "-C", layout, "oci-layout", "index.json", "manifest.json", "blobs"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeLayout(image: SavedImage, saved: string, layout: string, version: string): Promise<void> {
  const text = await readFile(join(saved, image.Config), "utf8");
  const config = await addBlob(layout, text, `${OCI}.config.v1+json`);
  const layers: Descriptor[] = [];
  for (const path of image.Layers) layers.push(await addLayer(layout, join(saved, path)));
  const content = { schemaVersion: 2, mediaType: `${OCI}.manifest.v1+json`, config, layers };
  const manifest = await addBlob(layout, JSON.stringify(content), content.mediaType);
  const { architecture, os } = JSON.parse(text);
  const annotations = { "org.opencontainers.image.ref.name": version };
  const index = {
    schemaVersion: 2,
    mediaType: `${OCI}.index.v1+json`,
    manifests: [{ ...manifest, platform: { architecture, os }, annotations }],
  };
  await writeFile(join(layout, "index.json"), JSON.stringify(index));
  await writeFile(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  const loaded = { Config: pathOf(config), RepoTags: image.RepoTags, Layers: layers.map(pathOf) };
  await writeFile(join(layout, "manifest.json"), JSON.stringify([loaded]));
}

const pathOf = ({ digest }: Descriptor) => `blobs/${digest.replace(":", "/")}`;

async function addBlob(layout: string, text: string, mediaType: string): Promise<Descriptor> {
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  const descriptor = { mediaType, digest, size: Buffer.byteLength(text) };
  await writeFile(join(layout, pathOf(descriptor)), text);
  return descriptor;
}

/** Adds a layer, compressed. */
async function addLayer(layout: string, file: string): Promise<Descriptor> {
  const isCompressed = await startsAsGzip(file);
  const compressed = join(layout, "layer");
  if (isCompressed) await rename(file, compressed);
  else await pipeline(createReadStream(file), createGzip(), createWriteStream(compressed));
  const hash = createHash("sha256");
  await pipeline(createReadStream(compressed), hash);
  const { size } = await stat(compressed);
  const descriptor = { mediaType: `${OCI}.layer.v1.tar+gzip`, digest: `sha256:${hash.digest("hex")}`, size };
  await rename(compressed, join(layout, pathOf(descriptor)));
  return descriptor;
}

async function startsAsGzip(file: string): Promise<boolean> {
  for await (const chunk of createReadStream(file, { end: 1 })) return chunk[0] === 0x1f && chunk[1] === 0x8b;
  return false;
}

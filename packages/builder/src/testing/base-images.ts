import { digestOf, type MemoryRegistry } from "./memory-registry.ts";

/** For tests: base images in a registry in memory, whose layers have no meaning. */

const DOCKER = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip";
const INDEX = "application/vnd.oci.image.index.v1+json";

export interface BaseContent {
  readonly arch?: "amd64" | "arm64";
  readonly layerType?: string;
  readonly layer?: string;
}

/** Adds an image of Docker's format and returns the digest of its manifest. */
export function addBaseImage(
  { blobs, manifests }: MemoryRegistry,
  name: string,
  { arch = "amd64", layerType = DOCKER_LAYER, layer = `layer of ${name} for ${arch}` }: BaseContent = {},
): { readonly digest: string; readonly layer: string; readonly size: number } {
  const [repository = ""] = name.split(":");
  const add = (text: string) => {
    blobs.set(`${repository}@${digestOf(text)}`, Buffer.from(text));
    return { digest: digestOf(text), size: Buffer.byteLength(text) };
  };
  const config = add(
    JSON.stringify({
      ...{ architecture: arch, os: "linux", config: { Env: ["PATH=/usr/bin", "NODE_VERSION=24.1.0"], Cmd: ["node"] } },
      rootfs: { type: "layers", diff_ids: [digestOf(`plain ${layer}`)] },
    }),
  );
  const layers = [{ mediaType: layerType, ...add(layer) }];
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: DOCKER, config, layers }));
  const digest = digestOf(bytes);
  manifests.set(name, { type: DOCKER, bytes }).set(`${repository}@${digest}`, { type: DOCKER, bytes });
  return { digest, layer: digestOf(layer), size: bytes.length };
}

/** Adds images for both platforms, and an index of them. */
export function addBaseIndex(registry: MemoryRegistry, name: string): void {
  const [repository = ""] = name.split(":");
  const manifests = (["amd64", "arm64"] as const).map((arch) => {
    const { digest, size } = addBaseImage(registry, `${repository}:${arch}`, { arch });
    return { mediaType: DOCKER, digest, size, platform: { os: "linux", architecture: arch } };
  });
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests }));
  registry.manifests.set(name, { type: INDEX, bytes });
  registry.manifests.set(`${repository}@${digestOf(bytes)}`, { type: INDEX, bytes });
}

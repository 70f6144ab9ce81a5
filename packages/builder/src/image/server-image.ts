import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Registry } from "@faas/core";
import type { Environment } from "../docker/config.ts";
import { dockerConfigFor, registryCredentials } from "../registry/credentials.ts";
import { parseRegistry } from "../registry/image-reference.ts";
import { type BuiltImage, buildImage } from "./build-image.ts";
import type { ImageOptions } from "./image-options.ts";

export interface ServerImageOptions
  extends Pick<ImageOptions, "registry" | "push" | "tag" | "signal" | "onStage" | "onLine" | "onProgress" | "env"> {
  /** Folder above `packages` with the bundled CLI. */
  readonly programFolder: string;
}

/** Files of the program that the control server needs. The other places have the same paths as in the image, relative to `packages`. */
const PROGRAM_FILES = ["cli/bin", "cli/dist", "cli/package.json", "server/package.json", "gateway/programs", "ui/dist"];
/** User id, as in the pod's security context. */
const USER = 65_532;
/** Repository of the control server's image. */
export const SERVER_REPOSITORY = { org: "faas", endpoint: "server" } as const;

const DOCKERFILE = `FROM node:24-slim
COPY app /app
ENV NODE_ENV=production HOME=/tmp FAAS_DATA=/data
USER ${USER}:${USER}
EXPOSE 8887
ENTRYPOINT ["node", "/app/packages/cli/bin/faas.js"]
CMD ["up", "--host", "0.0.0.0"]
`;

/** Builds the control server's image: Node, and the bundled program. With `push`, it is in the registry afterwards. */
export async function buildServerImage({ programFolder, ...options }: ServerImageOptions): Promise<BuiltImage> {
  const folder = await mkdtemp(join(tmpdir(), "faas-server-image-"));
  try {
    await writeFile(join(folder, "Dockerfile"), DOCKERFILE);
    await copyProgram(programFolder, join(folder, "app"));
    return await buildImage(folder, { ...SERVER_REPOSITORY, runtime: "dockerfile", ...options });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes the `config.json` that lets nodes pull from a registry to which the local Docker is logged in; undefined without a login. */
export async function pullConfigOf({ push, pull }: Registry, env: Environment): Promise<string | undefined> {
  const credentials = await registryCredentials(parseRegistry(push).host, env);
  // A kubelet does not accept an identity token.
  return credentials && !credentials.identityToken ? dockerConfigFor(pull, credentials) : undefined;
}

/** Copies the files of the bundled program that a control server in a cluster needs. It runs without `node_modules`. */
export async function copyProgram(programFolder: string, folder: string): Promise<void> {
  for (const path of PROGRAM_FILES)
    await cp(join(programFolder, "packages", path), join(folder, "packages", path), { recursive: true });
}

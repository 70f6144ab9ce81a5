import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaasError, type Registry } from "@faas/core";
import type { Environment } from "../docker/config.ts";
import { dockerConfigFor, registryCredentials } from "../registry/credentials.ts";
import { parseRegistry } from "../registry/image-reference.ts";
import { type BuiltImage, buildImage, type ImageOptions } from "./image.ts";

export interface ServerImageOptions
  extends Pick<ImageOptions, "registry" | "push" | "tag" | "signal" | "onStage" | "onLine" | "onProgress" | "env"> {
  /** The CLI's module that exports `runAsProcess`. */
  readonly entry: string;
  /** The version that it tells of itself. */
  readonly version: string;
}

/** What the control server needs nothing of, and what has parts that are no JavaScript. */
const LEFT_OUT = ["@faas/bench", "@faas/builder"];
/** As the pod's security context has it. */
const USER = 65_532;
/** The repository in the registry. */
export const SERVER_REPOSITORY = { org: "faas", endpoint: "server" } as const;

const DOCKERFILE = `FROM node:24-slim
COPY app /app
ENV NODE_ENV=production HOME=/tmp FAAS_DATA=/data
USER ${USER}:${USER}
EXPOSE 8887
ENTRYPOINT ["node", "/app/program/faas.mjs"]
CMD ["up", "--host", "0.0.0.0"]
`;

/** The control server as an image: Node and its production files as a few bundled modules. With `push` it is in the registry afterwards. */
export async function buildServerImage({ entry, version, ...options }: ServerImageOptions): Promise<BuiltImage> {
  const folder = await mkdtemp(join(tmpdir(), "faas-server-image-"));
  try {
    await writeFile(join(folder, "Dockerfile"), DOCKERFILE);
    await bundleProgram(entry, version, join(folder, "app"));
    return await buildImage(folder, { ...SERVER_REPOSITORY, runtime: "dockerfile", ...options });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What nodes need to pull from a registry that Docker is logged in to here: the text of a `config.json`; undefined when it wants no login. */
export async function pullConfigOf({ push, pull }: Registry, env: Environment): Promise<string | undefined> {
  const credentials = await registryCredentials(parseRegistry(push).host, env);
  // A token that is exchanged for others is nothing that a kubelet takes.
  return credentials && !credentials.identityToken ? dockerConfigFor(pull, credentials) : undefined;
}

/** Writes the program as `program/faas.mjs` and the modules that its commands load, without `node_modules`. */
export async function bundleProgram(entry: string, version: string, folder: string): Promise<void> {
  const { build } = await import("esbuild");
  await mkdir(folder, { recursive: true });
  // Packages read their version beside the folder of their code.
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "faas", version, type: "module" }));
  await build({
    stdin: {
      contents: `import { runAsProcess } from ${JSON.stringify(entry)};\nawait runAsProcess();\n`,
      resolveDir: join(entry, ".."),
    },
    outdir: join(folder, "program"),
    entryNames: "faas",
    chunkNames: "[name]-[hash]",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "none",
    format: "esm",
    platform: "node",
    target: "node24",
    // From the sources when we run from the sources.
    conditions: entry.endsWith(".ts") ? ["faas-source"] : [],
    external: LEFT_OUT,
    // For what is CommonJS among the dependencies.
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    logLevel: "silent",
  }).catch((cause) => {
    throw new FaasError("BUILD_FAILED", `The server's program cannot be bundled: ${cause.message}`, { cause });
  });
}

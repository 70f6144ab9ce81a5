import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FaasError, type Registry } from "@faas/core";
import type { Environment } from "../docker/config.ts";
import { dockerConfigFor, registryCredentials } from "../registry/credentials.ts";
import { parseRegistry } from "../registry/image-reference.ts";
import { type BuiltImage, buildImage } from "./build-image.ts";
import type { ImageOptions } from "./image-options.ts";

export interface ServerImageOptions
  extends Pick<ImageOptions, "registry" | "push" | "tag" | "signal" | "onStage" | "onLine" | "onProgress" | "env"> {
  /** Path of the CLI's module that exports `runAsProcess`. */
  readonly entry: string;
  /** Version that the program reports. */
  readonly version: string;
}

/** Packages that the control server does not need and whose dependencies contain native code. */
const EXCLUDED = ["@faas/bench", "@faas/builder"];
/** User id, as in the pod's security context. */
const USER = 65_532;
/** Repository of the control server's image. */
export const SERVER_REPOSITORY = { org: "faas", endpoint: "server" } as const;

const DOCKERFILE = `FROM node:24-slim
COPY app /app
ENV NODE_ENV=production HOME=/tmp FAAS_DATA=/data
USER ${USER}:${USER}
EXPOSE 8887
ENTRYPOINT ["node", "/app/program/faas.mjs"]
CMD ["up", "--host", "0.0.0.0"]
`;

/** Builds the control server's image: Node, and the program as a few bundled modules. With `push`, it is in the registry afterwards. */
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

/** Writes the `config.json` that lets nodes pull from a registry to which the local Docker is logged in; undefined without a login. */
export async function pullConfigOf({ push, pull }: Registry, env: Environment): Promise<string | undefined> {
  const credentials = await registryCredentials(parseRegistry(push).host, env);
  // A kubelet does not accept an identity token.
  return credentials && !credentials.identityToken ? dockerConfigFor(pull, credentials) : undefined;
}

/**
 * Bundles the program into `program/faas.mjs` and the modules that its commands load, without `node_modules`.
 *
 * @throws BUILD_FAILED
 */
export async function bundleProgram(entry: string, version: string, folder: string): Promise<void> {
  const { build } = await import("esbuild");
  await mkdir(folder, { recursive: true });
  // Packages read their version from the parent of their code's folder.
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
    // Bundle the sources when running from the sources.
    conditions: entry.endsWith(".ts") ? ["faas-source"] : [],
    external: EXCLUDED,
    // Some dependencies are CommonJS modules.
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    logLevel: "silent",
  }).catch((cause) => {
    throw new FaasError("BUILD_FAILED", `The server's program cannot be bundled: ${cause.message}`, { cause });
  });
}

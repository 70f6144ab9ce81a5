import { FaasError } from "@faas/core";
import type Docker from "dockerode";
import type { DockerOptions } from "dockerode";
import { type DockerAddress, dockerAddress } from "./address.ts";
import type { Environment } from "./config.ts";

const CONNECT_MS = 5_000;

/**
 * Connects to the Docker engine and checks that it responds.
 *
 * @throws DOCKER_UNREACHABLE
 */
export async function connectDocker(env: Environment = process.env): Promise<Docker> {
  const address = await dockerAddress(env);
  const options = optionsOf(address, env);
  // Loaded on demand, with its SSH client: a build without an engine does not need it.
  const { default: Engine } = await import("dockerode");
  try {
    await new Engine({ ...options, timeout: CONNECT_MS }).ping();
  } catch (cause) {
    throw new FaasError(
      "DOCKER_UNREACHABLE",
      `Building an image needs Docker, but no Docker engine responds at ${address.host}, from ${address.from} (${reasonOf(cause as NodeJS.ErrnoException)}). Start Docker or set DOCKER_HOST. A server with the embedded platform ("faas up") runs functions without Docker`,
      { cause },
    );
  }
  return new Engine(options);
}

/**
 * Returns the engine's address and version.
 *
 * @throws DOCKER_UNREACHABLE
 */
export async function dockerFacts(env: Environment = process.env): Promise<{ host: string; version: string }> {
  const docker = await connectDocker(env);
  const { Version } = await docker.version();
  return { host: (await dockerAddress(env)).host, version: Version };
}

/** Converts an address to dockerode's options. All are set explicitly: dockerode reads missing ones from the process environment. */
function optionsOf({ host, tls }: DockerAddress, env: Environment): DockerOptions {
  const unset = {
    host: undefined,
    port: undefined,
    socketPath: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
  };
  const [, scheme = "", rest = ""] = /^(\w+):\/\/(.*)$/.exec(host) ?? [];
  if (scheme === "unix" || scheme === "npipe") return { ...unset, protocol: "http", socketPath: rest } as DockerOptions;
  const url = new URL(host);
  if (scheme === "ssh") {
    const sshOptions = { agent: env.SSH_AUTH_SOCK };
    const port = url.port || 22;
    return { ...unset, protocol: "ssh", host: url.hostname, port, username: url.username, sshOptions } as DockerOptions;
  }
  const { insecure, ...certificates } = tls ?? {};
  return {
    ...unset,
    ...certificates,
    protocol: tls || scheme === "https" ? "https" : "http",
    host: url.hostname,
    port: url.port || (tls ? 2376 : 2375),
    ...(insecure ? { checkServerIdentity: () => undefined } : {}),
  } as unknown as DockerOptions;
}

const REASONS: Record<string, string> = {
  ENOENT: "the socket does not exist",
  EACCES: "permission denied",
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "unknown host",
  ECONNRESET: `no response within ${CONNECT_MS / 1000} s`,
};

function reasonOf(error: NodeJS.ErrnoException): string {
  return REASONS[error.code ?? ""] ?? error.message;
}

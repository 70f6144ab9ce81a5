import { FaasError } from "@faas/core";
import Docker, { type DockerOptions } from "dockerode";
import { type DockerAddress, dockerAddress } from "./address.ts";
import type { Environment } from "./config.ts";

const CONNECT_MS = 5_000;

/** A Docker engine that answers. DOCKER_UNREACHABLE says where it was looked for, and what works without one. */
export async function connectDocker(env: Environment = process.env): Promise<Docker> {
  const address = await dockerAddress(env);
  const options = optionsOf(address, env);
  try {
    await new Docker({ ...options, timeout: CONNECT_MS }).ping();
  } catch (cause) {
    throw new FaasError(
      "DOCKER_UNREACHABLE",
      `An image has to be built, and no Docker engine answers at ${address.host}, named by ${address.from} (${reasonOf(cause as NodeJS.ErrnoException)}). Start Docker, or say where it is in DOCKER_HOST; a server with the embedded platform ("faas up") runs functions without Docker`,
      { cause },
    );
  }
  return new Docker(options);
}

/** Where the engine is, and its version. DOCKER_UNREACHABLE. */
export async function dockerFacts(env: Environment = process.env): Promise<{ host: string; version: string }> {
  const docker = await connectDocker(env);
  const { Version } = await docker.version();
  return { host: (await dockerAddress(env)).host, version: Version };
}

/** Everything is said, also what is not there: dockerode takes the rest from this process's own environment. */
function optionsOf({ host, tls }: DockerAddress, env: Environment): DockerOptions {
  const none = {
    host: undefined,
    port: undefined,
    socketPath: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
  };
  const [, scheme = "", rest = ""] = /^(\w+):\/\/(.*)$/.exec(host) ?? [];
  if (scheme === "unix" || scheme === "npipe") return { ...none, protocol: "http", socketPath: rest } as DockerOptions;
  const url = new URL(host);
  if (scheme === "ssh") {
    const sshOptions = { agent: env.SSH_AUTH_SOCK };
    const port = url.port || 22;
    return { ...none, protocol: "ssh", host: url.hostname, port, username: url.username, sshOptions } as DockerOptions;
  }
  const { insecure, ...certificates } = tls ?? {};
  return {
    ...none,
    ...certificates,
    protocol: tls || scheme === "https" ? "https" : "http",
    host: url.hostname,
    port: url.port || (tls ? 2376 : 2375),
    ...(insecure ? { checkServerIdentity: () => undefined } : {}),
  } as unknown as DockerOptions;
}

const REASONS: Record<string, string> = {
  ENOENT: "there is no such socket",
  EACCES: "this user may not use it",
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no such host",
  ECONNRESET: `no answer within ${CONNECT_MS / 1000} s`,
};

function reasonOf(error: NodeJS.ErrnoException): string {
  return REASONS[error.code ?? ""] ?? error.message;
}

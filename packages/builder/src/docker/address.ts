import { createHash } from "node:crypto";
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import { dockerFolder, type Environment, readDockerConfig, readOptionalJson } from "./config.ts";

/** Address of a Docker engine. */
export interface DockerAddress {
  /** `unix:///…`, `npipe://…`, `tcp://host:port` or `ssh://user@host`. */
  readonly host: string;
  /** Origin of the address, for messages. */
  readonly from: string;
  /** Certificates for an engine that uses TLS. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly insecure?: boolean };
}

/**
 * Finds Docker as the `docker` command does: `DOCKER_HOST`, else the context of `DOCKER_CONTEXT` or of `docker context use`, else the local
 * socket.
 *
 * @throws DOCKER_UNREACHABLE for a missing context or missing certificates
 */
export async function dockerAddress(env: Environment): Promise<DockerAddress> {
  if (env.DOCKER_HOST) return addressFromHost(env.DOCKER_HOST, env);
  const name = env.DOCKER_CONTEXT || (await readDockerConfig(env)).currentContext;
  if (name && name !== "default") return addressFromContext(name, env);
  return { host: await localSocket(env), from: "the local socket" };
}

async function addressFromHost(text: string, env: Environment): Promise<DockerAddress> {
  const host = text.includes("://") ? text : `tcp://${text}`;
  const address = { host, from: "DOCKER_HOST" };
  // As in `docker`: each of the three switches TLS on, but only DOCKER_TLS_VERIFY checks the engine's certificate.
  const usesTls = Boolean(env.DOCKER_TLS_VERIFY || env.DOCKER_TLS || env.DOCKER_CERT_PATH);
  if (!host.startsWith("tcp://") || !usesTls) return address;
  const tls = await readTls(env.DOCKER_CERT_PATH || dockerFolder(env), "DOCKER_CERT_PATH");
  return { ...address, tls: { ...tls, insecure: !env.DOCKER_TLS_VERIFY } };
}

/** Reads a context, from the folder with the SHA-256 of its name. */
async function addressFromContext(name: string, env: Environment): Promise<DockerAddress> {
  const contexts = join(dockerFolder(env), "contexts");
  const id = createHash("sha256").update(name).digest("hex");
  const meta = (await readOptionalJson(join(contexts, "meta", id, "meta.json"))) as Meta | undefined;
  const { Host: host, SkipTLSVerify: insecure = false } = meta?.Endpoints?.docker ?? {};
  if (!host) {
    throw new FaasError(
      "DOCKER_UNREACHABLE",
      `There is no Docker context "${name}". List the existing ones with "docker context ls"`,
    );
  }
  const address = { host, from: `the Docker context "${name}"` };
  const folder = join(contexts, "tls", id, "docker");
  if (!host.startsWith("tcp://") || !(await exists(folder))) return address;
  return { ...address, tls: { ...(await readTls(folder, address.from)), insecure } };
}

interface Meta {
  readonly Endpoints?: { readonly docker?: { readonly Host?: string; readonly SkipTLSVerify?: boolean } };
}

async function readTls(folder: string, from: string): Promise<{ ca?: string; cert?: string; key?: string }> {
  const names = ["ca", "cert", "key"] as const;
  const texts = await Promise.all(
    names.map((name) => readFile(join(folder, `${name}.pem`), "utf8").catch(() => undefined)),
  );
  const tls = Object.fromEntries(names.flatMap((name, i) => (texts[i] === undefined ? [] : [[name, texts[i]]])));
  if (Object.keys(tls).length > 0) return tls;
  throw new FaasError(
    "DOCKER_UNREACHABLE",
    `Expected ca.pem, cert.pem and key.pem in ${folder} (from ${from}), but all three are missing`,
  );
}

async function localSocket(env: Environment): Promise<string> {
  if (process.platform === "win32") return "npipe:////./pipe/docker_engine";
  // The sockets of Docker Desktop and of rootless Docker.
  const ofUser = [join(env.HOME ?? "", ".docker/run/docker.sock"), join(env.XDG_RUNTIME_DIR ?? "", "docker.sock")];
  for (const path of ["/var/run/docker.sock", ...ofUser]) if (await exists(path)) return `unix://${path}`;
  return "unix:///var/run/docker.sock";
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

import { createHash } from "node:crypto";
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FaasError } from "@faas/core";
import { dockerFolder, type Environment, readDockerConfig, readJsonIfThere } from "./config.ts";

/** Where a Docker engine listens. */
export interface DockerAddress {
  /** `unix:///…`, `npipe://…`, `tcp://host:port` or `ssh://user@host`. */
  readonly host: string;
  /** What named it, for messages. */
  readonly from: string;
  /** For an engine that speaks TLS. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly insecure?: boolean };
}

/**
 * Where Docker is, as the `docker` command finds it: `DOCKER_HOST`, else the context of `DOCKER_CONTEXT` or of `docker context use`,
 * else the local socket. DOCKER_UNREACHABLE when what is named is not there.
 */
export async function dockerAddress(env: Environment): Promise<DockerAddress> {
  if (env.DOCKER_HOST) return ofVariables(env.DOCKER_HOST, env);
  const name = env.DOCKER_CONTEXT || (await readDockerConfig(env)).currentContext;
  if (name && name !== "default") return ofContext(name, env);
  return { host: await localSocket(env), from: "the local socket" };
}

async function ofVariables(text: string, env: Environment): Promise<DockerAddress> {
  const host = text.includes("://") ? text : `tcp://${text}`;
  const address = { host, from: "DOCKER_HOST" };
  // As `docker` has it: any value switches TLS on, but only a value other than the empty one checks the engine's certificate.
  const wantsTls = Boolean(env.DOCKER_TLS_VERIFY || env.DOCKER_TLS || env.DOCKER_CERT_PATH);
  if (!host.startsWith("tcp://") || !wantsTls) return address;
  const tls = await readTls(env.DOCKER_CERT_PATH || dockerFolder(env), "DOCKER_CERT_PATH");
  return { ...address, tls: { ...tls, insecure: !env.DOCKER_TLS_VERIFY } };
}

/** Contexts lie in folders that are called after the SHA-256 of their name. */
async function ofContext(name: string, env: Environment): Promise<DockerAddress> {
  const contexts = join(dockerFolder(env), "contexts");
  const id = createHash("sha256").update(name).digest("hex");
  const meta = (await readJsonIfThere(join(contexts, "meta", id, "meta.json"))) as Meta | undefined;
  const { Host: host, SkipTLSVerify: insecure = false } = meta?.Endpoints?.docker ?? {};
  if (!host) {
    throw new FaasError(
      "DOCKER_UNREACHABLE",
      `There is no Docker context "${name}"; "docker context ls" shows those that are`,
    );
  }
  const address = { host, from: `the Docker context "${name}"` };
  const folder = join(contexts, "tls", id, "docker");
  if (!host.startsWith("tcp://") || !(await isThere(folder))) return address;
  return { ...address, tls: { ...(await readTls(folder, address.from)), insecure } };
}

interface Meta {
  readonly Endpoints?: { readonly docker?: { readonly Host?: string; readonly SkipTLSVerify?: boolean } };
}

async function readTls(folder: string, from: string): Promise<{ ca?: string; cert?: string; key?: string }> {
  const names = ["ca", "cert", "key"] as const;
  const found = await Promise.all(
    names.map((name) => readFile(join(folder, `${name}.pem`), "utf8").catch(() => undefined)),
  );
  const tls = Object.fromEntries(names.flatMap((name, i) => (found[i] === undefined ? [] : [[name, found[i]]])));
  if (Object.keys(tls).length > 0) return tls;
  throw new FaasError(
    "DOCKER_UNREACHABLE",
    `Expected ca.pem, cert.pem and key.pem in ${folder}, of ${from}, and there is none`,
  );
}

async function localSocket(env: Environment): Promise<string> {
  if (process.platform === "win32") return "npipe:////./pipe/docker_engine";
  // Where a Docker without root, and Docker Desktop, have theirs.
  const own = [join(env.HOME ?? "", ".docker/run/docker.sock"), join(env.XDG_RUNTIME_DIR ?? "", "docker.sock")];
  for (const path of ["/var/run/docker.sock", ...own]) if (await isThere(path)) return `unix://${path}`;
  return "unix:///var/run/docker.sock";
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

import { spawn } from "node:child_process";
import { FaasError } from "@faas/core";
import { type DockerConfig, type Environment, readDockerConfig } from "../docker/config.ts";
import { DOCKER_HUB, parseRegistry } from "./image-reference.ts";

/** How to log in to a registry. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  /** An OAuth refresh token, in place of the two. */
  readonly identityToken?: string;
}

/** What Docker calls its own registry in `config.json`. */
const HUB_KEY = "https://index.docker.io/v1/";
/** The name under which helpers keep a token rather than a password. */
const TOKEN_USER = "<token>";
const HELPER_MS = 30_000;

/** What `docker login` kept for a registry, itself or in a helper program; undefined when nothing is. */
export async function registryCredentials(
  registry: string,
  env: Environment,
): Promise<RegistryCredentials | undefined> {
  const config = await readDockerConfig(env);
  const keys = registry === DOCKER_HUB ? [HUB_KEY, "docker.io", "index.docker.io"] : [registry, `https://${registry}`];
  const helper = keys.map((key) => config.credHelpers?.[key]).find((name) => name !== undefined) ?? config.credsStore;
  if (helper) {
    for (const key of keys) {
      const found = await askHelper(helper, key, env);
      if (found) return found;
    }
  }
  return ofAuths(config, keys);
}

function ofAuths({ auths = {} }: DockerConfig, keys: readonly string[]): RegistryCredentials | undefined {
  // Old logins are kept with scheme and path.
  const bare = (key: string) => key.replace(/^https?:\/\//, "").replace(/\/(v1\/?|v2\/?)?$/, "");
  const wanted = new Set(keys.flatMap((key) => [key, bare(key)]));
  for (const [key, { auth, identitytoken }] of Object.entries(auths)) {
    if (!wanted.has(key) && !wanted.has(bare(key))) continue;
    const text = Buffer.from(auth ?? "", "base64")
      .toString()
      .replace(/\0+$/, "");
    const colon = text.indexOf(":");
    if (colon < 0 && !identitytoken) continue;
    const login = { username: text.slice(0, Math.max(0, colon)), password: text.slice(colon + 1) };
    return identitytoken ? { ...login, identityToken: identitytoken } : login;
  }
  return undefined;
}

/** `docker-credential-<helper> get`, which is told the registry and answers with JSON. */
async function askHelper(helper: string, key: string, env: Environment): Promise<RegistryCredentials | undefined> {
  const command = `docker-credential-${helper}`;
  const failed = (why: string, cause?: unknown) =>
    new FaasError("REGISTRY_DENIED", `The login for ${key} is kept by ${command}, which ${why}`, { cause });
  const child = spawn(command, ["get"], { env: { ...env }, stdio: ["pipe", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), HELPER_MS);
  let output = "";
  let errors = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    errors += text;
  });
  // One that ends without reading is told of by its exit code.
  child.stdin.on("error", () => {}).end(key);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(failed(error.code === "ENOENT" ? "is not on the PATH" : `cannot be started: ${error.message}`, error)),
    );
    child.once("close", (number, signal) => resolve(number ?? signal));
  }).finally(() => clearTimeout(timer));
  if (code !== 0) {
    const said = `${output}${errors}`.trim();
    // The protocol's own words for "I have none".
    if (/credentials not found/i.test(said)) return undefined;
    throw failed(`failed with ${typeof code === "number" ? `exit code ${code}` : code}: ${said || "it said nothing"}`);
  }
  const { Username, Secret } = parse(output) ?? {};
  if (typeof Username !== "string" || typeof Secret !== "string") throw failed("answered with no Username and Secret");
  if (Username === "" && Secret === "") return undefined;
  return Username === TOKEN_USER
    ? { username: "", password: "", identityToken: Secret }
    : { username: Username, password: Secret };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Credentials as the engine wants them for a pull or a push. */
export function authOf(credentials: RegistryCredentials | undefined, registry: string): AuthConfig {
  const serveraddress = registry === DOCKER_HUB ? HUB_KEY : registry;
  if (!credentials) return { username: "", password: "", serveraddress };
  const { username, password, identityToken } = credentials;
  return identityToken
    ? { username, password, serveraddress, identitytoken: identityToken }
    : { username, password, serveraddress };
}

interface AuthConfig {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
  readonly identitytoken?: string;
}

/** The text of a Docker `config.json` that logs in to one registry (Kubernetes: a `kubernetes.io/dockerconfigjson` secret). */
export function dockerConfigFor(registry: string, { username, password }: RegistryCredentials): string {
  const { host } = parseRegistry(registry);
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  return JSON.stringify({ auths: { [host === DOCKER_HUB ? HUB_KEY : host]: { username, password, auth } } });
}

import { type DockerConfig, type Environment, readDockerConfig } from "../docker/config.ts";
import { type HelperLogin, readCredentialHelper } from "./credential-helper.ts";
import { DOCKER_HUB, parseRegistry } from "./image-reference.ts";

/** Login to a registry. */
export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  /** OAuth refresh token, in place of user name and password. */
  readonly identityToken?: string;
}

/** Key of Docker Hub in Docker's `config.json`. */
const HUB_KEY = "https://index.docker.io/v1/";

/**
 * Returns the login that `docker login` stored for a registry, in `config.json` or in a credential helper; undefined when there is none.
 *
 * @throws CONFIG_INVALID for Docker's `config.json`
 * @throws REGISTRY_DENIED if a credential helper fails
 */
export async function registryCredentials(
  registry: string,
  env: Environment,
): Promise<RegistryCredentials | undefined> {
  const config = await readDockerConfig(env);
  const keys = keysOf(registry);
  const helper = keys.map((key) => config.credHelpers?.[key]).find((name) => name !== undefined) ?? config.credsStore;
  if (helper) {
    for (const key of keys) {
      const login = await readCredentialHelper(helper, key, env);
      if (login) return helperCredentials(login);
    }
  }
  return storedCredentials(config, keys);
}

/** Returns the login to a registry in the text of a Docker `config.json`, such as Kubernetes stores it; undefined when there is none. */
export const credentialsIn = (dockerConfigJson: string, registry: string): RegistryCredentials | undefined =>
  storedCredentials((JSON.parse(dockerConfigJson) as DockerConfig | null) ?? {}, keysOf(registry));

const keysOf = (registry: string) =>
  registry === DOCKER_HUB ? [HUB_KEY, "docker.io", "index.docker.io"] : [registry, `https://${registry}`];

const helperCredentials = ({ username, secret }: HelperLogin): RegistryCredentials =>
  username === "<token>" ? { username: "", password: "", identityToken: secret } : { username, password: secret };

function storedCredentials({ auths = {} }: DockerConfig, keys: readonly string[]): RegistryCredentials | undefined {
  // Old logins have a scheme and a path.
  const hostOf = (key: string) => key.replace(/^https?:\/\//, "").replace(/\/(v1\/?|v2\/?)?$/, "");
  const accepted = new Set(keys.flatMap((key) => [key, hostOf(key)]));
  for (const [key, { auth, identitytoken, username, password }] of Object.entries(auths)) {
    if (!accepted.has(key) && !accepted.has(hostOf(key))) continue;
    if (!auth && username !== undefined && password !== undefined) return { username, password };
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

/** Converts credentials to the engine's format for a pull or a push. */
export function engineAuth(credentials: RegistryCredentials | undefined, registry: string): EngineAuth {
  const serveraddress = registry === DOCKER_HUB ? HUB_KEY : registry;
  if (!credentials) return { username: "", password: "", serveraddress };
  const { username, password, identityToken } = credentials;
  return identityToken
    ? { username, password, serveraddress, identitytoken: identityToken }
    : { username, password, serveraddress };
}

interface EngineAuth {
  readonly username: string;
  readonly password: string;
  readonly serveraddress: string;
  readonly identitytoken?: string;
}

/** Writes a Docker `config.json` with the login to one registry (Kubernetes: a `kubernetes.io/dockerconfigjson` secret). */
export function dockerConfigFor(registry: string, { username, password }: RegistryCredentials): string {
  const { host } = parseRegistry(registry);
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  return JSON.stringify({ auths: { [host === DOCKER_HUB ? HUB_KEY : host]: { username, password, auth } } });
}

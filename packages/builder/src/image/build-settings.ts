import { type Environment, readDockerConfig } from "../docker/config.ts";
import { authOf, registryCredentials } from "../registry/credentials.ts";
import { imageReference } from "../registry/image-reference.ts";
import { dockerfileInstructions } from "./dockerfile-lines.ts";

const PROXIES = {
  httpProxy: "HTTP_PROXY",
  httpsProxy: "HTTPS_PROXY",
  ftpProxy: "FTP_PROXY",
  noProxy: "NO_PROXY",
  allProxy: "ALL_PROXY",
} as const;

/** Proxies that Docker's `config.json` names for builds (`proxies.default`), as build arguments: they leave no trace in the image. */
export async function proxyArguments(env: Environment): Promise<Record<string, string>> {
  const { proxies } = await readDockerConfig(env);
  const named: Record<string, string | undefined> = proxies?.default ?? {};
  const found: Record<string, string> = {};
  for (const [field, name] of Object.entries(PROXIES)) {
    const value = named[field];
    if (value === undefined) continue;
    found[name] = value;
    found[name.toLowerCase()] = value;
  }
  return found;
}

/** Logins for the registries of the images that a Dockerfile begins with. */
export async function baseImageLogins(dockerfile: string, env: Environment): Promise<Record<string, Login>> {
  const logins: Record<string, Login> = {};
  for (const { text } of dockerfileInstructions(dockerfile)) {
    const [, name = ""] = /^FROM\s+(?:--\S+\s+)*(\S+)/i.exec(text) ?? [];
    const { registry } = imageReference(name) ?? {};
    if (registry === undefined) continue;
    const credentials = await registryCredentials(registry, env);
    const auth = authOf(credentials, registry);
    if (credentials) logins[auth.serveraddress] = auth;
  }
  return logins;
}

interface Login {
  readonly username: string;
  readonly password: string;
}

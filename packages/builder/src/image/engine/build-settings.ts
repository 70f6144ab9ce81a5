import { type Environment, readDockerConfig } from "../../docker/config.ts";
import { dockerfileInstructions } from "../../docker/dockerfile-instructions.ts";
import { engineAuth, registryCredentials } from "../../registry/credentials.ts";
import { tryParseImageReference } from "../../registry/image-reference.ts";

const PROXIES = {
  httpProxy: "HTTP_PROXY",
  httpsProxy: "HTTPS_PROXY",
  ftpProxy: "FTP_PROXY",
  noProxy: "NO_PROXY",
  allProxy: "ALL_PROXY",
} as const;

/** Reads the proxies for builds in Docker's `config.json` (`proxies.default`), as build arguments, which leave no trace in the image. */
export async function proxyArguments(env: Environment): Promise<Record<string, string>> {
  const { proxies } = await readDockerConfig(env);
  const configured: Record<string, string | undefined> = proxies?.default ?? {};
  const buildArguments: Record<string, string> = {};
  for (const [field, name] of Object.entries(PROXIES)) {
    const value = configured[field];
    if (value === undefined) continue;
    buildArguments[name] = value;
    buildArguments[name.toLowerCase()] = value;
  }
  return buildArguments;
}

/** Finds the logins for the registries of the FROM images of a Dockerfile. */
export async function baseImageLogins(dockerfile: string, env: Environment): Promise<Record<string, Login>> {
  const logins: Record<string, Login> = {};
  for (const { text } of dockerfileInstructions(dockerfile)) {
    const [, name = ""] = /^FROM\s+(?:--\S+\s+)*(\S+)/i.exec(text) ?? [];
    const { registry } = tryParseImageReference(name) ?? {};
    if (registry === undefined) continue;
    const credentials = await registryCredentials(registry, env);
    const auth = engineAuth(credentials, registry);
    if (credentials) logins[auth.serveraddress] = auth;
  }
  return logins;
}

interface Login {
  readonly username: string;
  readonly password: string;
}

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { join } from "node:path";
import { getCACertificates } from "node:tls";
import { FaasError } from "@faas/core";
import { dockerFolder, type Environment } from "../docker/config.ts";
import type { RegistryCredentials } from "./credentials.ts";
import { DOCKER_HUB } from "./image-reference.ts";

/** A repository of a registry, with the credentials for it. */
export interface RegistryAccess {
  /** `host[:port]` of the registry. */
  readonly host: string;
  readonly repository: string;
  readonly credentials: RegistryCredentials | undefined;
  /** Environment that locates Docker's folder of certificates. */
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

/** An image manifest in a registry. */
export interface FoundManifest {
  /** `sha256:…` of the manifest. */
  readonly digest: string;
  /** `sha256:…` of the image's configuration, which is the image id. */
  readonly configDigest: string | undefined;
}

const RESPONSE_TIMEOUT_MS = 5_000;
/** Media types of image manifests and of lists of them. */
export const MANIFEST_TYPES = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/**
 * Finds the manifest of a tag or digest (OCI distribution specification, "Pulling manifests"); undefined when it does not exist, or when the
 * registry is unreachable from this process: the engine, which pushes, may be able to reach it.
 *
 * @throws REGISTRY_DENIED if the registry requires a login and Docker has none
 */
export async function findManifest(access: RegistryAccess, reference: string): Promise<FoundManifest | undefined> {
  const { repository, credentials, signal } = access;
  const path = `/v2/${repository}/manifests/${reference}`;
  const headers = { Accept: MANIFEST_TYPES.join(", ") };
  let response: RegistryResponse;
  try {
    response = await requestRegistry(access, { method: "GET", path, headers });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof FaasError) throw error;
    return undefined;
  }
  if (response.status === 401 || response.status === 403) {
    // Some registries answer like this for a repository that does not exist yet. If the login is wrong, the push reports it.
    if (response.status === 403 || credentials) return undefined;
    throw accessDenied(access, registryMessage(response));
  }
  if (response.status !== 200) return undefined;
  const digest = response.headers["docker-content-digest"];
  const { config } = parse(response.body) as { config?: { digest?: string } };
  return {
    digest: typeof digest === "string" ? digest : `sha256:${createHash("sha256").update(response.body).digest("hex")}`,
    configDigest: config?.digest,
  };
}

/** Creates a REGISTRY_DENIED error, with advice that depends on whether there was a login. */
export function accessDenied({ host, repository, credentials }: RegistryAccess, reason: string): FaasError {
  const user = credentials?.username ? ` as "${credentials.username}"` : "";
  const detail = credentials
    ? `The registry ${host} rejected the login${user}, or the login may not push ${repository} (${reason}). Log in as a user with push access: docker login ${host}`
    : `The registry ${host} requires a login for ${repository} (${reason}), but Docker has none. Log in: docker login ${host}`;
  return new FaasError("REGISTRY_DENIED", detail);
}

interface RegistryRequest {
  readonly method: "GET" | "HEAD" | "POST" | "DELETE";
  /** Path with its query, from `/v2/`. */
  readonly path: string;
  readonly headers?: Record<string, string>;
}

export interface RegistryResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Sends a request and, if the registry requires a login, sends it again with the login. Rejects if the registry is unreachable. */
export async function requestRegistry(
  { host: registry, credentials, env, signal }: RegistryAccess,
  { method, path, headers = {} }: RegistryRequest,
): Promise<RegistryResponse> {
  const host = registry === DOCKER_HUB ? "registry-1.docker.io" : registry;
  const tls = await tlsOptions(host, env);
  const sendAuthorized = async (scheme: string): Promise<RegistryResponse> => {
    const url = `${scheme}://${host}${path}`;
    const first = await send(url, { method, headers }, tls, signal);
    if (first.status !== 401) return first;
    const challenge = String(first.headers["www-authenticate"] ?? "");
    const Authorization = await authorization(challenge, credentials, tls, signal);
    return Authorization === undefined
      ? first
      : send(url, { method, headers: { ...headers, Authorization } }, tls, signal);
  };
  if (!isLoopback(host)) return sendAuthorized("https");
  const plain = await sendAuthorized("http").catch((error: Error) => error);
  // A TLS server answers plain HTTP with 400.
  return plain instanceof Error || plain.status === 400 ? sendAuthorized("https") : plain;
}

/** Creates the Authorization header for a challenge (RFC 9110 section 11.6.1; the distribution project's token authentication). */
async function authorization(
  challenge: string,
  credentials: RegistryCredentials | undefined,
  tls: TlsOptions,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const basic =
    credentials && `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
  if (/^basic\b/i.test(challenge)) return basic;
  const fields = Object.fromEntries(
    Array.from(challenge.matchAll(/(\w+)="([^"]*)"/g), ([, name, value]) => [name, value]),
  );
  const { realm, service, scope } = fields as Record<string, string | undefined>;
  if (!/^bearer\b/i.test(challenge) || realm === undefined) return undefined;
  const query = new URLSearchParams({ ...(service ? { service } : {}), ...(scope ? { scope } : {}) });
  const { identityToken } = credentials ?? {};
  const response = identityToken
    ? await send(
        realm,
        { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
        tls,
        signal,
        `${query}&${new URLSearchParams({ grant_type: "refresh_token", client_id: "faas", refresh_token: identityToken })}`,
      )
    : await send(`${realm}?${query}`, { method: "GET", headers: basic ? { Authorization: basic } : {} }, tls, signal);
  const { token, access_token = token } = parse(response.body) as { token?: string; access_token?: string };
  return response.status === 200 && access_token ? `Bearer ${access_token}` : undefined;
}

function send(
  url: string,
  { method, headers }: { readonly method: string; readonly headers: Record<string, string> },
  tls: TlsOptions,
  signal: AbortSignal | undefined,
  body?: string,
): Promise<RegistryResponse> {
  const timeout = AbortSignal.timeout(RESPONSE_TIMEOUT_MS);
  const options = {
    method,
    headers: { ...headers, Connection: "close" },
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  };
  return new Promise((resolve, reject) => {
    const request = url.startsWith("https:") ? httpsRequest(url, { ...options, ...tls }) : httpRequest(url, options);
    request.once("error", reject);
    request.once("response", async (response) => {
      try {
        const pieces: Buffer[] = [];
        for await (const piece of response) pieces.push(piece as Buffer);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) });
      } catch (error) {
        reject(error);
      }
    });
    request.end(body);
  });
}

/** True for registries that Docker uses without TLS, or with any certificate. */
const isLoopback = (host: string) => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);

/** Returns the system's certificate authorities, and Docker's for this registry: `certs.d/<registry>/*.crt`. */
async function tlsOptions(host: string, env: Environment): Promise<TlsOptions> {
  if (isLoopback(host)) return { rejectUnauthorized: false };
  const folders = [join("/etc/docker/certs.d", host), join(dockerFolder(env), "certs.d", host)];
  const ofRegistry: string[] = [];
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((each) => each.endsWith(".crt")))
      ofRegistry.push(await readFile(join(folder, name), "utf8"));
  }
  return { ca: [...getCACertificates("default"), ...getCACertificates("system"), ...ofRegistry] };
}

interface TlsOptions {
  readonly ca?: string[];
  readonly rejectUnauthorized?: boolean;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()) ?? {};
  } catch {
    return {};
  }
}

/** Returns the registry's own error message (OCI distribution specification, "Error codes"). */
export function registryMessage({ status, body }: RegistryResponse): string {
  const { errors } = parse(body) as { errors?: readonly { message?: string }[] };
  const message = errors
    ?.map(({ message }) => message)
    .filter(Boolean)
    .join("; ");
  return message || `status ${status}`;
}

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

/** One repository of a registry, and how to get at it. */
export interface RegistryAccess {
  /** Of the registry: `host[:port]`. */
  readonly host: string;
  readonly repository: string;
  readonly credentials: RegistryCredentials | undefined;
  /** For Docker's folder of certificates. */
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

/** An image manifest in a registry. */
export interface FoundManifest {
  /** `sha256:…` of the manifest. */
  readonly digest: string;
  /** `sha256:…` of the image's configuration: its id. */
  readonly configDigest: string | undefined;
}

const ANSWER_MS = 5_000;
const MANIFEST_TYPES = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

/**
 * The manifest that a tag or digest names (OCI distribution specification, "Pulling manifests"); undefined when there is none, or when
 * the registry cannot be asked from here: the engine, which pushes, may reach it all the same. REGISTRY_DENIED when it wants another login.
 */
export async function findManifest(access: RegistryAccess, reference: string): Promise<FoundManifest | undefined> {
  const { repository, credentials, signal } = access;
  const path = `/v2/${repository}/manifests/${reference}`;
  const headers = { Accept: MANIFEST_TYPES.join(", ") };
  let answer: Answer;
  try {
    answer = await askRegistry(access, { method: "GET", path, headers });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof FaasError) throw error;
    return undefined;
  }
  if (answer.status === 401 || answer.status === 403) {
    // A registry may answer so for a repository that is not there yet. With a login that is wrong the push says so.
    if (answer.status === 403 || credentials) return undefined;
    throw denied(access, wordsOf(answer));
  }
  if (answer.status !== 200) return undefined;
  const digest = answer.headers["docker-content-digest"];
  const { config } = parse(answer.body) as { config?: { digest?: string } };
  return {
    digest: typeof digest === "string" ? digest : `sha256:${createHash("sha256").update(answer.body).digest("hex")}`,
    configDigest: config?.digest,
  };
}

/** REGISTRY_DENIED: what to do depends on whether there was a login. */
export function denied({ host, repository, credentials }: RegistryAccess, said: string): FaasError {
  const who = credentials?.username ? ` as "${credentials.username}"` : "";
  const detail = credentials
    ? `The registry ${host} refuses the login${who}, or does not let it push ${repository} (${said}). Log in with one that may: docker login ${host}`
    : `The registry ${host} wants a login for ${repository} (${said}), and Docker has none. Log in: docker login ${host}`;
  return new FaasError("REGISTRY_DENIED", detail);
}

/** A question to a registry. */
export interface Question {
  readonly method: "GET" | "POST" | "DELETE";
  /** From `/v2/` on. */
  readonly path: string;
  readonly headers?: Record<string, string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Asks; when the registry wants a login, logs in as it says and asks again. Rejects when it cannot be reached from here. */
export async function askRegistry(
  { host: named, credentials, env, signal }: RegistryAccess,
  { method, path, headers = {} }: Question,
): Promise<Answer> {
  const host = named === DOCKER_HUB ? "registry-1.docker.io" : named;
  const tls = await tlsOptions(host, env);
  const authorized = async (scheme: string): Promise<Answer> => {
    const url = `${scheme}://${host}${path}`;
    const first = await ask(url, { method, headers }, tls, signal);
    if (first.status !== 401) return first;
    const challenge = String(first.headers["www-authenticate"] ?? "");
    const Authorization = await authorization(challenge, credentials, tls, signal);
    return Authorization === undefined
      ? first
      : ask(url, { method, headers: { ...headers, Authorization } }, tls, signal);
  };
  if (!isLoopback(host)) return authorized("https");
  const plain = await authorized("http").catch((error: Error) => error);
  // 400: a TLS server's answer to HTTP.
  return plain instanceof Error || plain.status === 400 ? authorized("https") : plain;
}

/** The header that a challenge asks for (RFC 9110 section 11.6.1; the distribution project's token authentication). */
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
  const answer = identityToken
    ? await ask(
        realm,
        { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" } },
        tls,
        signal,
        `${query}&${new URLSearchParams({ grant_type: "refresh_token", client_id: "faas", refresh_token: identityToken })}`,
      )
    : await ask(`${realm}?${query}`, { method: "GET", headers: basic ? { Authorization: basic } : {} }, tls, signal);
  const { token, access_token = token } = parse(answer.body) as { token?: string; access_token?: string };
  return answer.status === 200 && access_token ? `Bearer ${access_token}` : undefined;
}

function ask(
  url: string,
  { method, headers }: { readonly method: string; readonly headers: Record<string, string> },
  tls: TlsOptions,
  signal: AbortSignal | undefined,
  body?: string,
): Promise<Answer> {
  const limit = AbortSignal.timeout(ANSWER_MS);
  const options = {
    method,
    headers: { ...headers, Connection: "close" },
    signal: signal ? AbortSignal.any([signal, limit]) : limit,
  };
  return new Promise((resolve, reject) => {
    const send = url.startsWith("https:") ? httpsRequest(url, { ...options, ...tls }) : httpRequest(url, options);
    send.once("error", reject);
    send.once("response", async (response) => {
      try {
        const pieces: Buffer[] = [];
        for await (const piece of response) pieces.push(piece as Buffer);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) });
      } catch (error) {
        reject(error);
      }
    });
    send.end(body);
  });
}

/** Docker takes such registries without TLS, and with any certificate. */
const isLoopback = (host: string) => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);

/** The system's authorities, and those that Docker is told of for a registry: `certs.d/<registry>/*.crt`. */
async function tlsOptions(host: string, env: Environment): Promise<TlsOptions> {
  if (isLoopback(host)) return { rejectUnauthorized: false };
  const folders = [join("/etc/docker/certs.d", host), join(dockerFolder(env), "certs.d", host)];
  const own: string[] = [];
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((each) => each.endsWith(".crt")))
      own.push(await readFile(join(folder, name), "utf8"));
  }
  return { ca: [...getCACertificates("default"), ...getCACertificates("system"), ...own] };
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

/** A registry's own reason (OCI distribution specification, "Error codes"). */
export function wordsOf({ status, body }: Answer): string {
  const { errors } = parse(body) as { errors?: readonly { message?: string }[] };
  const message = errors
    ?.map(({ message }) => message)
    .filter(Boolean)
    .join("; ");
  return message || `status ${status}`;
}

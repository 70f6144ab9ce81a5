import { FaasError } from "@faas/core";

const DEFAULT_PORT = 4222;
const DEFAULT_STREAM = "FAAS_QUEUE";
const MAX_REPLICAS = 5;

/** Place of a queue, as it is in a URL. */
export interface QueueUrl {
  /** HOST:PORT of each server. */
  readonly servers: readonly string[];
  readonly tls: boolean;
  readonly user?: string;
  /** Belongs to the user; without one it is a token. */
  readonly secret?: string;
  /** Name of the stream. */
  readonly stream: string;
  /** Servers that each have a copy of the stream. Absent: as it is, and 1 for a new one. */
  readonly replicas?: number;
}

/**
 * Parses `nats://[USER:PASSWORD@|TOKEN@]HOST[:PORT][,HOST[:PORT]…][?stream=NAME&replicas=N]`, or `tls://…`.
 *
 * @throws USAGE
 */
export function parseQueueUrl(text: string): QueueUrl {
  const pattern = /^(?<scheme>nats|tls):\/\/(?:(?<login>[^@/?]*)@)?(?<hosts>[^@/?]+)\/?(?:\?(?<query>.*))?$/;
  const { scheme, login, hosts, query = "" } = pattern.exec(text)?.groups ?? {};
  const servers = hosts?.split(",").map(serverOf) ?? [];
  if (servers.length === 0 || servers.includes(undefined))
    throw invalid(`nats://HOST:PORT or tls://HOST:PORT in --queue, got ${JSON.stringify(withoutLogin(text))}`);
  return {
    servers: servers as string[],
    tls: scheme === "tls",
    ...loginOf(login),
    ...settingsOf(new URLSearchParams(query)),
  };
}

/** Returns the name of the stream of a queue; undefined for one that is not on NATS. */
export const queueStreamOf = (url: string | undefined): string | undefined =>
  url === undefined ? undefined : parseQueueUrl(url).stream;

/** Returns a URL without user and password, for messages. */
export const withoutLogin = (text: string): string => text.replace(/\/\/.*@/, "//");

function serverOf(text: string): string | undefined {
  const { host, port = DEFAULT_PORT } =
    /^(?<host>\[[\da-f:]+\]|[\w.-]+)(?::(?<port>\d{1,5}))?$/i.exec(text)?.groups ?? {};
  return host === undefined || Number(port) > 65_535 ? undefined : `${host}:${port}`;
}

function loginOf(login: string | undefined): Pick<QueueUrl, "user" | "secret"> {
  if (!login) return {};
  const colon = login.indexOf(":");
  try {
    if (colon < 0) return { secret: decodeURIComponent(login) };
    return { user: decodeURIComponent(login.slice(0, colon)), secret: decodeURIComponent(login.slice(colon + 1)) };
  } catch {
    throw invalid("user and password in --queue with special characters as %XX, got another character after %");
  }
}

function settingsOf(query: URLSearchParams): Pick<QueueUrl, "stream" | "replicas"> {
  for (const name of query.keys())
    if (name !== "stream" && name !== "replicas")
      throw invalid(`the settings stream and replicas after "?" in --queue, got ${JSON.stringify(name)}`);
  const stream = query.get("stream") ?? DEFAULT_STREAM;
  if (!/^[\w-]{1,100}$/.test(stream))
    throw invalid(`letters, digits, "_" and "-" in the name of the stream in --queue, got ${JSON.stringify(stream)}`);
  const replicas = query.get("replicas");
  if (replicas === null) return { stream };
  if (!/^\d$/.test(replicas) || Number(replicas) < 1 || Number(replicas) > MAX_REPLICAS)
    throw invalid(`1 to ${MAX_REPLICAS} replicas of the stream in --queue, got ${JSON.stringify(replicas)}`);
  return { stream, replicas: Number(replicas) };
}

const invalid = (rest: string) => new FaasError("USAGE", `Expected ${rest}`);

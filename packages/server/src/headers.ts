import type { IncomingHttpHeaders, IncomingMessage } from "node:http";

/** Of one connection alone, never passed on (RFC 9110 section 7.6.1); and what we write ourselves. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
const OURS = new Set([
  "expect",
  "host",
  "x-request-id",
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-prefix",
]);

/** Names that the header `Connection` adds to those of one connection. */
function nominated(connection: string | undefined): string[] | undefined {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return undefined;
  return connection.split(",").map((name) => name.trim().toLowerCase());
}

/** Headers for the replica, as a flat list of names and values. */
export function requestHeaders(request: IncomingMessage, requestId: string, prefix: string): string[] {
  const { rawHeaders, headers, socket } = request;
  const dropped = nominated(headers.connection);
  const list: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const lower = name.toLowerCase();
    if (HOP_BY_HOP.has(lower) || OURS.has(lower) || dropped?.includes(lower)) continue;
    list.push(name, rawHeaders[i + 1] as string);
  }
  const client = socket.remoteAddress ?? "";
  const host = headers.host ?? "";
  const before = headers["x-forwarded-for"];
  list.push("X-Request-Id", requestId);
  list.push("X-Forwarded-For", before ? `${before}, ${client}` : client);
  list.push("X-Forwarded-Host", host, "X-Forwarded-Proto", "http", "X-Forwarded-Prefix", prefix);
  const element = `for="${client.includes(":") ? `[${client}]` : client}";host="${host.replaceAll(/["\\]/g, "")}";proto=http`;
  list.push("Forwarded", headers.forwarded ? `${headers.forwarded}, ${element}` : element);
  return list;
}

/** Headers for the client, as a flat list; `serverTiming` is put behind the function's own. */
export function responseHeaders(
  headers: IncomingHttpHeaders,
  requestId: string,
  serverTiming: string,
  cold: boolean,
): string[] {
  const list: string[] = [];
  const dropped = nominated(headers.connection);
  let timing = serverTiming;
  for (const name in headers) {
    const value = headers[name];
    if (
      value === undefined ||
      HOP_BY_HOP.has(name) ||
      name === "x-request-id" ||
      name === "x-cold-start" ||
      dropped?.includes(name)
    )
      continue;
    if (name === "server-timing") timing = `${value}, ${serverTiming}`;
    else if (typeof value === "string") list.push(name, value);
    else for (const each of value) list.push(name, each);
  }
  list.push("X-Request-Id", requestId, "Server-Timing", timing);
  if (cold) list.push("X-Cold-Start", "true");
  return list;
}

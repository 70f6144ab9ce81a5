import type { Socket } from "node:net";
import { ChunkedDecoder } from "../upstream/chunked-decoder.ts";
import type { TestGateway } from "./test-gateway.ts";

/** A request as a replica received it, byte for byte (latin1). */
export interface RawRequest {
  readonly first: string;
  /** Header lines. */
  readonly lines: readonly string[];
  /** Decoded body. */
  readonly body: string;
  /** Index of its connection, and its own index on that connection. */
  readonly connection: number;
  readonly number: number;
}

/** Replica of acme/x that parses requests strictly, records them, and responds with given bytes. */
export interface RawReplica {
  readonly requests: RawRequest[];
  /** Errors of the strict parser. */
  readonly errors: string[];
  /** Returns all bytes received, on all connections. */
  readonly bytes: () => string;
}

const OK_RESPONSE = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

export function rawReplica(
  gateway: TestGateway,
  respond: (request: RawRequest) => string = ({ first }) =>
    first.startsWith("HEAD") ? OK_RESPONSE.slice(0, -2) : OK_RESPONSE,
): RawReplica {
  const [replica] = gateway.platform.replicas({ org: "acme", endpoint: "x" });
  const requests: RawRequest[] = [];
  const errors: string[] = [];
  let bytes = "";
  let connections = 0;
  const server = (replica as NonNullable<typeof replica>).server;
  // Without its own listener, an HTTP server accepts plain connections.
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    let buffer = Buffer.alloc(0);
    const connection = connections++;
    let number = 0;
    socket.on("error", () => {});
    socket.on("data", (data) => {
      bytes += data.toString("latin1");
      buffer = Buffer.concat([buffer, data]);
      try {
        for (let read = parse(buffer); read; read = parse(buffer)) {
          buffer = buffer.subarray(read.length);
          const request = { ...read.request, connection, number: number++ };
          requests.push(request);
          const text = respond(request);
          if (text !== "") socket.write(text, "latin1");
        }
      } catch (error) {
        errors.push((error as Error).message);
        socket.destroy();
      }
    });
  });
  return { requests, errors, bytes: () => bytes };
}

/** Parses the first complete request; throws where two readers could disagree. */
function parse(buffer: Buffer): { request: Omit<RawRequest, "connection" | "number">; length: number } | undefined {
  const text = buffer.toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  if (!/^[A-Z-]+ [\x21-\x7e]+ HTTP\/1\.1$/.test(first))
    throw new Error(`malformed request line: ${JSON.stringify(first)}`);
  const values = new Map<string, string[]>();
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^`|~\w-]+): ([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`malformed header: ${JSON.stringify(line)}`);
    values.set(name.toLowerCase(), [...(values.get(name.toLowerCase()) ?? []), value]);
  }
  const lengths = values.get("content-length") ?? [];
  const codings = values.get("transfer-encoding") ?? [];
  if (lengths.length + codings.length > 1) throw new Error(`two framings: ${lines.join(" | ")}`);
  if ((values.get("host") ?? []).length > 1) throw new Error("two hosts");
  if (codings.length === 1) {
    if (codings[0] !== "chunked") throw new Error(`unexpected coding: ${codings[0]}`);
    const decoder = new ChunkedDecoder();
    let body = "";
    const read = decoder.read(buffer.subarray(end + 4), (data) => {
      body += data.toString("latin1");
    });
    return decoder.done ? { request: { first, lines, body }, length: end + 4 + read } : undefined;
  }
  const [length = "0"] = lengths;
  if (!/^(?:0|[1-9]\d*)$/.test(length)) throw new Error(`malformed length: ${length}`);
  const whole = end + 4 + Number(length);
  if (buffer.length < whole) return undefined;
  return { request: { first, lines, body: text.slice(end + 4, whole) }, length: whole };
}

import { flat } from "./header-block.ts";

/** Connection of a client: a socket, or a record of one. */
interface CallerConnection {
  readonly remoteAddress?: string | undefined;
  /** True with TLS. */
  readonly encrypted?: boolean;
}

/** Properties of a client that are the same for all requests of its connection, and header lines made of them. */
export class Caller {
  /** IP address, or "unknown". */
  readonly address: string;
  readonly proto: "http" | "https";
  /** `for` and `proto` of `Forwarded` (RFC 7239 section 4). */
  readonly #forwarded: string;
  /** Host of the last request, and what depends on it. */
  #host: string | undefined;
  /** Value of `Forwarded` with that host. */
  forwarded = "";
  /** Header lines of a request that no other proxy forwarded, before and after the value of `X-Request-Id`. */
  beforeId = "";
  afterId = "";

  constructor(socket: CallerConnection) {
    // A dual-stack socket shows IPv4 addresses as ::ffff:127.0.0.1.
    this.address = socket.remoteAddress?.replace(/^::ffff:/, "") ?? "unknown";
    this.proto = socket.encrypted ? "https" : "http";
    const node = this.address.includes(":") ? `"[${this.address}]"` : this.address;
    this.#forwarded = `for=${node};proto=${this.proto}`;
  }

  /** Tells whether the last request had this host. */
  hasHost(host: string): boolean {
    return host === this.#host;
  }

  /** Sets the host of the present request. */
  setHost(host: string): void {
    if (host === this.#host) return;
    this.#host = host;
    this.forwarded = host === "" ? this.#forwarded : `${this.#forwarded};host=${quoted(host)}`;
    this.beforeId = flat(`${host === "" ? "" : `Host: ${host}\r\n`}X-Request-Id: `);
    this.afterId = flat(
      `\r\nX-Forwarded-For: ${this.address}\r\nX-Forwarded-Host: ${host}\r\nX-Forwarded-Proto: ${this.proto}\r\nForwarded: ${this.forwarded}\r\n`,
    );
  }
}

/** Formats a quoted string (RFC 9110 section 5.6.4): a token cannot contain the colon before a port. */
function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

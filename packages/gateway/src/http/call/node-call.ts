import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { copyOf } from "./buffer-pool.ts";
import { Caller } from "./caller.ts";
import {
  type BodyConsumer,
  type ClientCall,
  type ClientListener,
  type ClientRequest,
  LEFTOVER_MS,
} from "./client-call.ts";
import { endToEndLines } from "./end-to-end-headers.ts";
import type { HeaderBlock } from "./header-block.ts";

const callers = new WeakMap<Socket, Caller>();

/** A call that `node:http` parsed. */
export class NodeCall implements ClientCall {
  listener: ClientListener | undefined;
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly #expectsContinue: boolean;
  #consumer: BodyConsumer | undefined;

  constructor(message: IncomingMessage, response: ServerResponse, expectsContinue = false) {
    this.message = message;
    this.response = response;
    this.#expectsContinue = expectsContinue;
    response.on("close", () => this.listener?.clientClosed());
    response.on("drain", () => this.listener?.clientDrained());
  }

  get method(): string {
    return this.message.method as string;
  }

  get url(): string {
    return this.message.url as string;
  }

  get caller(): Caller {
    const { socket } = this.message;
    let caller = callers.get(socket);
    if (caller === undefined) {
      caller = new Caller(socket);
      callers.set(socket, caller);
    }
    return caller;
  }

  get bodyLength(): number | undefined {
    const { headers } = this.message;
    if (headers["transfer-encoding"] !== undefined) return undefined;
    // node:http rejects a malformed length.
    return Number(headers["content-length"] ?? 0);
  }

  get headers(): ClientRequest["headers"] {
    return this.message.headers as ClientRequest["headers"];
  }

  endToEndLines(): string {
    return endToEndLines(this.message.rawHeaders, this.message.headers.connection);
  }

  readBody(consumer: BodyConsumer): void {
    this.#consumer = consumer;
    if (this.#expectsContinue) this.response.writeContinue();
    this.message.on("data", this.#onData);
    this.message.on("end", this.#onEnd);
    this.message.resume();
  }

  resumeBody(): void {
    this.message.resume();
  }

  stopBody(): void {
    this.#consumer = undefined;
    this.message.off("data", this.#onData);
    this.message.off("end", this.#onEnd);
  }

  get headSent(): boolean {
    return this.response.headersSent;
  }

  get closed(): boolean {
    return this.response.destroyed;
  }

  writeHead(status: number, { fields }: HeaderBlock, own: string, flush: boolean): void {
    // Without a reason, a response would keep that of a head which was refused before.
    this.response.writeHead(status, STATUS_CODES[status] ?? "unknown", [
      ...fields.flatMap(({ name, value }) => [name, value]),
      ...pairsOf(own),
    ]);
    if (flush) this.response.flushHeaders();
  }

  write(bytes: Buffer): boolean {
    const { copy, done } = copyOf(bytes);
    return this.response.write(copy, done);
  }

  end(sized: boolean, last: string | Buffer | undefined): void {
    const { message, response } = this;
    const rest = typeof last === "object" ? Buffer.from(last) : last;
    if (message.complete || this.#expectsContinue) return void response.end(rest, "latin1");
    if (rest !== undefined) response.write(rest, "latin1");
    const closes = !response.shouldKeepAlive;
    if (!closes || !sized) response.end();
    const timer = setTimeout(() => message.destroy(), LEFTOVER_MS).unref();
    message.once("close", () => {
      clearTimeout(timer);
      response.end();
    });
    message.resume();
  }

  destroy(): void {
    this.response.destroy();
  }

  readonly #onData = (chunk: Buffer) => {
    if (this.#consumer?.data(chunk) === false) this.message.pause();
  };

  readonly #onEnd = () => {
    this.#consumer?.end();
  };
}

/** Returns the names and values of header lines. */
const pairsOf = (lines: string) =>
  lines
    .split("\r\n")
    .slice(0, -1)
    .flatMap((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]);

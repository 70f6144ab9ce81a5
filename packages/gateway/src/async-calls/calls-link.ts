import { type ClientRequest, request } from "node:http";
import type { Socket } from "node:net";
import { FaasError, type Logger } from "@faas/core";
import type { DeliveringGateway } from "../pipeline/pipeline.ts";
import type { ControlAddress } from "../process/control-address.ts";
import type { AcceptedCall, AsyncCallAcceptor, NewAsyncCall } from "./acceptor.ts";
import { CallsConnection } from "./calls-connection.ts";
import { CALLS_PATH, CALLS_PROTOCOL, type FromControlServer, type FromGateway } from "./calls-protocol.ts";
import type { Frame } from "./frames.ts";

export interface CallsLinkOptions {
  readonly address: ControlAddress;
  /** Returns the token of the gateways; needed except on a Unix socket. */
  readonly token?: (() => string) | undefined;
  /** Returns the data path of this gateway; undefined while it cannot serve calls. */
  readonly gateway: () => Pick<DeliveringGateway, "deliver"> | undefined;
  readonly log: Logger;
  /** Time that a call waits for a connection, and for an attempt to connect. @defaultValue 3 s */
  readonly connectMs?: number;
}

type Connection = CallsConnection<FromGateway, FromControlServer>;

interface PendingCall {
  readonly resolve: (accepted: AcceptedCall) => void;
  readonly reject: (error: Error) => void;
}

/** Time until the first and until the next attempts to connect; it doubles up to the second. */
const RECONNECT_MS = 50;
const MAX_RECONNECT_MS = 1_000;
/** Time that a call waits for a connection. */
const CONNECT_MS = 3_000;
/** Time for the control server to store a call. */
const ACCEPT_MS = 10_000;
/** Interval at which deliveries in progress are looked at when the gateway stops. */
const IDLE_CHECK_MS = 20;

/**
 * A gateway's connection to the queue of the control server: passes asynchronous calls on to it, and delivers those that it gets. The connection is
 * opened again when it is lost.
 */
export class CallsLink implements AsyncCallAcceptor {
  readonly #options: CallsLinkOptions;
  readonly #pending = new Map<number, PendingCall>();
  readonly #deliveries = new Map<number, AbortController>();
  readonly #waiters = new Set<(connection: Connection) => void>();
  #connection: Connection | undefined;
  #attempt: ClientRequest | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = RECONNECT_MS;
  #lastNumber = 0;
  #stopped = false;

  constructor(options: CallsLinkOptions) {
    this.#options = options;
  }

  /** Connects, as often as necessary. */
  start(): void {
    if (this.#stopped) return;
    const { log } = this.#options;
    let call: ClientRequest;
    try {
      call = this.#request();
    } catch (err) {
      log.warn({ err }, "the queue of the control server cannot be reached, will retry");
      this.#reconnect();
      return;
    }
    this.#attempt = call;
    call.once("timeout", () => call.destroy());
    call.once("upgrade", (_, socket, head) => this.#connected(socket as Socket, head));
    call.once("response", (response) => {
      log.debug({ status: response.statusCode }, "the control server takes no asynchronous calls, will retry");
      response.resume();
      this.#reconnect();
    });
    call.once("error", () => this.#reconnect());
    call.end();
  }

  /** Creates the request for a connection. Throws when the token cannot be read. */
  #request(): ClientRequest {
    const { address, token } = this.#options;
    return request({
      ...address,
      ...{ method: "POST", path: CALLS_PATH, agent: false },
      // An address that no longer exists does not answer at all. `setTimeout` of a request would only begin when it is connected.
      timeout: this.#options.connectMs ?? CONNECT_MS,
      headers: {
        ...{ Connection: "Upgrade", Upgrade: CALLS_PROTOCOL, "Content-Length": 0 },
        ...(token === undefined ? {} : { Authorization: `Bearer ${token()}` }),
      },
    });
  }

  async accept({ body, ...call }: NewAsyncCall): Promise<AcceptedCall> {
    const connection = this.#connection ?? (await this.#connects());
    const number = ++this.#lastNumber;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(number);
        reject(away(`The control server did not store the call within ${ACCEPT_MS / 1000} s: it may be delivered`));
      }, ACCEPT_MS);
      const settled =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          settle(value);
        };
      this.#pending.set(number, { resolve: settled(resolve), reject: settled(reject) });
      connection.send({ type: "accept", number, call }, body);
    });
  }

  /** Takes no further calls, and waits for those in progress, for a limited time. */
  async stop(limitMs: number): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    if (this.#connection === undefined) this.#attempt?.destroy();
    this.#connection?.send({ type: "stopping" });
    const until = performance.now() + limitMs;
    while (this.#pending.size + this.#deliveries.size > 0 && performance.now() < until)
      await new Promise((done) => setTimeout(done, IDLE_CHECK_MS));
    this.#connection?.close();
  }

  /** Resolves with the next connection. */
  #connects(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const onConnection = (connection: Connection) => {
        clearTimeout(timer);
        resolve(connection);
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(onConnection);
        reject(away("The control server does not respond"));
      }, this.#options.connectMs ?? CONNECT_MS);
      this.#waiters.add(onConnection);
    });
  }

  #connected(socket: Socket, head: Buffer): void {
    if (this.#stopped) return void socket.destroy();
    this.#waitMs = RECONNECT_MS;
    this.#connection = new CallsConnection(socket, head, {
      onFrame: (frame) => this.#onFrame(frame),
      onClose: () => this.#onClose(),
    });
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const onConnection of waiters) onConnection(this.#connection);
  }

  #onFrame({ head, body }: Frame<FromControlServer>): void {
    if (head.type === "accepted") this.#take(head.number)?.resolve({ id: head.id, isDuplicate: head.isDuplicate });
    else if (head.type === "rejected") {
      const { code, detail, type: _, title: __, status: ___, requestId: ____, ...extensions } = head.problem;
      this.#take(head.number)?.reject(new FaasError(code, detail, { extensions }));
    } else if (head.type === "deliver") void this.#deliver(head, body);
    else if (head.type === "abort") this.#deliveries.get(head.number)?.abort();
  }

  async #deliver({ number, delivery }: FromControlServer & { type: "deliver" }, body: Buffer): Promise<void> {
    const connection = this.#connection;
    const gateway = this.#options.gateway();
    const ending = new AbortController();
    this.#deliveries.set(number, ending);
    try {
      const aborted = { status: 499, from: "gateway", headers: [], body: Buffer.alloc(0), bytes: 0 } as const;
      const onPart = (bytes: Buffer, contentType: string) =>
        connection?.send({ type: "part", number, contentType }, Buffer.from(bytes));
      const passOn = delivery.isAwaited ? onPart : undefined;
      const response = await (gateway?.deliver({ ...delivery, body }, ending.signal, passOn) ?? aborted);
      const { body: responseBody, ...head } = response;
      connection?.send({ type: "response", number, ...head }, responseBody);
    } finally {
      this.#deliveries.delete(number);
    }
  }

  #take(number: number): PendingCall | undefined {
    const pending = this.#pending.get(number);
    this.#pending.delete(number);
    return pending;
  }

  /** Deliveries in progress end: the control server delivers their calls again. */
  #onClose(): void {
    this.#connection = undefined;
    const error = away("The connection to the control server broke: the call may be delivered");
    for (const number of [...this.#pending.keys()]) this.#take(number)?.reject(error);
    for (const delivery of this.#deliveries.values()) delivery.abort();
    this.#reconnect();
  }

  #reconnect(): void {
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), this.#waitMs).unref();
    this.#waitMs = Math.min(MAX_RECONNECT_MS, this.#waitMs * 2);
  }
}

const away = (reason: string) => new FaasError("CONTROL_SERVER_AWAY", `${reason}. Retry with an Idempotency-Key`);

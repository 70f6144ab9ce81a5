import {
  type ControlHello,
  type ControlMessage,
  encodeMessage,
  type GatewayHello,
  type GatewayMessage,
  LINK_TIMEOUT_MS,
  type LinkClock,
  type LinkConnection,
  type LinkHandlers,
  MessageDecoder,
  PING_MS,
  PROTOCOL_VERSION,
} from "@faas/gateway";

/** Characters that may wait for the network before a snapshot pauses, and before the link is closed. */
const PAUSE_BUFFERED = 2 ** 20;
const MAX_BUFFERED = 64 * 2 ** 20;
const PAUSE_MS = 5;
/** Silence after which the gateway may have calls that it could not report: two of its pings are missing. */
const SILENT_MS = 2 * PING_MS;

export interface SessionOptions {
  readonly connection: LinkConnection;
  readonly clock: LinkClock;
  readonly hello: ControlHello;
  /** Called once, when the gateway has introduced itself. */
  readonly onHello: (session: GatewaySession, hello: GatewayHello) => void;
  /** Called with each later message, except `ack`, `reported` and `ping`. */
  readonly onMessage: (session: GatewaySession, message: GatewayMessage) => void;
  /** Called when the gateway has confirmed a version, or has reported what it was asked for. */
  readonly onProgress: () => void;
  /** Called once, when the link is lost, unless `close` was called. */
  readonly onLost: (session: GatewaySession, reason: string) => void;
}

/** The control server's end of one link. */
export class GatewaySession {
  readonly #options: SessionOptions;
  readonly handlers: LinkHandlers;
  #isIntroduced = false;
  #isClosed = false;
  #receivedMs: number;
  #ackedVersion = 0;
  #reportedNumber = 0;
  /** Versions that were sent and are not confirmed, oldest first, and when they were sent. */
  #unacked: { readonly version: number; readonly sentMs: number }[] = [];
  #cancelPing: () => void;
  #cancelPump: (() => void) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { connection, clock, hello } = options;
    this.#receivedMs = clock.now();
    const decoder = new MessageDecoder<GatewayMessage>((message) => {
      if (!this.#isClosed) this.#received(message);
    });
    this.handlers = {
      onText: (text) => {
        this.#receivedMs = clock.now();
        try {
          decoder.push(text);
        } catch (error) {
          this.#lose(`a message could not be read: ${error instanceof Error ? error.message : String(error)}`);
        }
      },
      onClose: (error) => this.#lose(error?.message ?? "it closed the link"),
    };
    connection.send(encodeMessage(hello));
    this.#cancelPing = this.#schedulePing();
  }

  get isOpen(): boolean {
    return this.#isIntroduced && !this.#isClosed;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** True while nothing arrives, though the link does not count as lost yet. */
  get isSilent(): boolean {
    return this.#options.clock.now() - this.#receivedMs > SILENT_MS;
  }

  /** Last version that the gateway has confirmed. */
  get ackedVersion(): number {
    return this.#ackedVersion;
  }

  /** Number of the last request for a report that the gateway has answered. */
  get reportedNumber(): number {
    return this.#reportedNumber;
  }

  /** Milliseconds since the oldest version that is not confirmed was sent; 0 if all are. */
  get viewAgeMs(): number {
    const [oldest] = this.#unacked;
    return oldest === undefined ? 0 : this.#options.clock.now() - oldest.sentMs;
  }

  /** Sends lines, after which the gateway has a version. */
  send(lines: string, version?: number): void {
    if (this.#isClosed) return;
    this.#options.connection.send(lines);
    if (version !== undefined) this.#unacked.push({ version, sentMs: this.#options.clock.now() });
  }

  /** Sends a snapshot in parts, as fast as the network takes them. */
  sendSnapshot(parts: Generator<string>, version: () => number): void {
    const pump = () => {
      this.#cancelPump = undefined;
      if (this.#isClosed) return;
      const { connection, clock } = this.#options;
      if (connection.bufferedLength > PAUSE_BUFFERED) {
        this.#cancelPump = clock.after(PAUSE_MS, pump);
        return;
      }
      const { value, done } = parts.next();
      if (done) return;
      this.send(value, version());
      this.#cancelPump = clock.after(0, pump);
    };
    pump();
  }

  /** Closes the link. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelPing();
    this.#cancelPump?.();
    this.#options.connection.close();
  }

  #received(message: GatewayMessage): void {
    if (!this.#isIntroduced) {
      this.#introduced(message);
      return;
    }
    if (message.type === "ack") this.#acked(message.version);
    else if (message.type === "reported") {
      this.#reportedNumber = message.number;
      this.#options.onProgress();
    } else if (message.type !== "ping") this.#options.onMessage(this, message);
  }

  #introduced(message: GatewayMessage): void {
    if (message.type !== "hello") throw new Error(`expected hello first, got ${message.type}`);
    if (message.protocol !== PROTOCOL_VERSION)
      throw new Error(`expected protocol ${PROTOCOL_VERSION}, got ${message.protocol}`);
    this.#isIntroduced = true;
    this.#options.onHello(this, message);
  }

  #acked(version: number): void {
    this.#ackedVersion = Math.max(this.#ackedVersion, version);
    this.#unacked = this.#unacked.filter((sent) => sent.version > version);
    this.#options.onProgress();
  }

  #schedulePing(): () => void {
    const { clock, connection } = this.#options;
    return clock.after(PING_MS, () => {
      if (clock.now() - this.#receivedMs > LINK_TIMEOUT_MS)
        return this.#lose(`nothing was received for ${LINK_TIMEOUT_MS / 1000} s`);
      if (connection.bufferedLength > MAX_BUFFERED) return this.#lose("it does not read");
      connection.send(encodeMessage<ControlMessage>({ type: "ping" }));
      this.#cancelPing = this.#schedulePing();
    });
  }

  #lose(reason: string): void {
    if (this.#isClosed) return;
    this.close();
    if (this.#isIntroduced) this.#options.onLost(this, reason);
  }
}

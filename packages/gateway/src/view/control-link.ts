import { encodeMessage, MessageDecoder } from "../protocol/line-codec.ts";
import type { LinkClock, LinkConnection, LinkTransport } from "../protocol/link.ts";
import {
  type ControlHello,
  type ControlMessage,
  type GatewayHello,
  type GatewayMessage,
  LINK_TIMEOUT_MS,
  PING_MS,
  PROTOCOL_VERSION,
} from "../protocol/messages.ts";
import type { ViewLog } from "./options.ts";

const MIN_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 1_000;
/** Characters that may wait for the network before the link counts as stuck. */
const MAX_BUFFERED = 32 * 2 ** 20;

export interface ControlLinkOptions {
  readonly transport: LinkTransport;
  readonly clock: LinkClock;
  readonly random: () => number;
  readonly log: ViewLog;
  /** Returns the introduction of this gateway. */
  readonly hello: () => GatewayHello;
  /** Called when the control server has introduced itself. */
  readonly onHello: (hello: ControlHello) => void;
  /** Called with each message after the introduction. An error that it throws ends the link. */
  readonly onMessage: (message: ControlMessage) => void;
  /** Called when a link that was open, with or without an introduction, is lost. */
  readonly onLost: () => void;
}

/** The gateway's end of the link: opens it, opens it again whenever it is lost, and notices when the other end is silent. */
export class ControlLink {
  readonly #options: ControlLinkOptions;
  #connection: LinkConnection | undefined;
  #giveUp: (() => void) | undefined;
  #cancelTimer: (() => void) | undefined;
  #isIntroduced = false;
  #isClosed = false;
  #attempts = 0;
  #receivedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ControlLinkOptions) {
    this.#options = options;
  }

  /** True when the control server has introduced itself, and the link has not been lost since. */
  get isOpen(): boolean {
    return this.#isIntroduced;
  }

  /** Milliseconds since something was received; Infinity before. */
  get silentMs(): number {
    return this.#options.clock.now() - this.#receivedMs;
  }

  /** Opens the link. */
  start(): void {
    if (this.#isClosed || this.#connection || this.#giveUp) return;
    const { transport, clock } = this.#options;
    const giveUp = transport.connect(
      (connection) => {
        this.#stopTimer();
        this.#giveUp = undefined;
        return this.#opened(connection);
      },
      (error) => this.#failed(error),
    );
    this.#giveUp = giveUp;
    this.#cancelTimer = clock.after(LINK_TIMEOUT_MS, () => {
      giveUp();
      this.#failed(new Error(`no connection within ${LINK_TIMEOUT_MS / 1000} s`));
    });
  }

  /** Sends a message. Returns false, and drops it, while the link is not open. */
  send(message: GatewayMessage): boolean {
    if (!this.#isIntroduced || this.#connection === undefined) return false;
    this.#connection.send(encodeMessage(message));
    return true;
  }

  /** Closes the link for good. */
  close(): void {
    this.#isClosed = true;
    this.#giveUp?.();
    this.#giveUp = undefined;
    this.#drop();
  }

  #opened(connection: LinkConnection) {
    this.#connection = connection;
    this.#receivedMs = this.#options.clock.now();
    connection.send(encodeMessage(this.#options.hello()));
    this.#schedulePing();
    const decoder = new MessageDecoder<ControlMessage>((message) => {
      // A handler may have closed the link in the middle of a text.
      if (this.#connection === connection) this.#received(message);
    });
    return {
      onText: (text: string) => {
        this.#receivedMs = this.#options.clock.now();
        try {
          decoder.push(text);
        } catch (error) {
          this.#lost("a message could not be applied", error);
        }
      },
      onClose: (error?: Error) => this.#lost("the link was closed", error),
    };
  }

  #received(message: ControlMessage): void {
    if (this.#isIntroduced) {
      this.#options.onMessage(message);
      return;
    }
    if (message.type !== "hello") throw new Error(`expected hello first, got ${message.type}`);
    if (message.protocol !== PROTOCOL_VERSION)
      throw new Error(`expected protocol ${PROTOCOL_VERSION}, got ${message.protocol}`);
    this.#isIntroduced = true;
    this.#attempts = 0;
    this.#options.onHello(message);
  }

  #schedulePing(): void {
    this.#cancelTimer = this.#options.clock.after(PING_MS, () => {
      if (this.silentMs > LINK_TIMEOUT_MS) return this.#lost(`nothing was received for ${LINK_TIMEOUT_MS / 1000} s`);
      if ((this.#connection?.bufferedLength ?? 0) > MAX_BUFFERED) return this.#lost("the link is stuck");
      this.#connection?.send(encodeMessage<GatewayMessage>({ type: "ping" }));
      this.#schedulePing();
    });
  }

  #failed(error: Error): void {
    this.#giveUp = undefined;
    this.#stopTimer();
    if (this.#isClosed) return;
    if (this.#attempts === 0) this.#options.log.warn({ err: error }, "the control server does not respond, will retry");
    this.#retry();
  }

  #lost(reason: string, error?: unknown): void {
    if (this.#connection === undefined) return;
    const level = this.#isIntroduced || this.#attempts === 0;
    if (level) this.#options.log.warn(error === undefined ? {} : { err: error }, `lost the control server: ${reason}`);
    this.#drop();
    if (!this.#isClosed) this.#retry();
  }

  #drop(): void {
    this.#stopTimer();
    const connection = this.#connection;
    this.#connection = undefined;
    this.#isIntroduced = false;
    connection?.close();
    if (connection) this.#options.onLost();
  }

  #retry(): void {
    const { clock, random } = this.#options;
    const backoffMs = Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** this.#attempts++);
    this.#cancelTimer = clock.after(backoffMs * (0.5 + random() / 2), () => this.start());
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}

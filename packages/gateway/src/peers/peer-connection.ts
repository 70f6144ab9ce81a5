import { isSameSecret } from "@faas/core";
import { encodeMessage, MessageDecoder } from "../protocol/line-codec.ts";
import type { LinkConnection, LinkHandlers } from "../protocol/link.ts";
import { type Member, PEER_PROTOCOL_VERSION, type PeerHello, type PeerMessage } from "./messages.ts";

/** Characters that may wait to be sent: a gateway that reads so slowly is not there. */
const MAX_BUFFERED = 4 * 2 ** 20;

/** Receiver of what happens on connections to other gateways. */
export interface PeerConnectionEvents {
  /** The other end said who it is. Called once, before `message`. */
  opened(connection: PeerConnection, member: Member): void;
  message(connection: PeerConnection, member: Member, message: PeerMessage): void;
  /** The connection ended, or was refused; not called after `close`. */
  closed(connection: PeerConnection, reason: string | undefined): void;
}

/** A connection to another gateway: an introduction both ways, then messages. */
export class PeerConnection implements LinkHandlers {
  /** True if this gateway opened it. */
  readonly isOutgoing: boolean;
  /** When something was last received, on the group's clock. */
  heardMs: number;
  readonly #connection: LinkConnection;
  readonly #events: PeerConnectionEvents;
  readonly #token: string | undefined;
  readonly #now: () => number;
  readonly #decoder: MessageDecoder<PeerMessage>;
  #member: Member | undefined;
  #isClosed = false;

  constructor(
    connection: LinkConnection,
    isOutgoing: boolean,
    self: Member,
    options: { readonly token: string | undefined; readonly now: () => number; readonly events: PeerConnectionEvents },
  ) {
    this.#connection = connection;
    this.isOutgoing = isOutgoing;
    this.#token = options.token;
    this.#now = options.now;
    this.#events = options.events;
    this.heardMs = options.now();
    this.#decoder = new MessageDecoder((message) => this.#receive(message));
    const token = options.token === undefined ? {} : { token: options.token };
    this.send({ type: "hello", protocol: PEER_PROTOCOL_VERSION, ...token, member: self });
  }

  /** The gateway at the other end; undefined until it introduced itself. */
  get member(): Member | undefined {
    return this.#member;
  }

  send(message: PeerMessage): void {
    if (this.#isClosed) return;
    this.#connection.send(encodeMessage(message));
    if (this.#connection.bufferedLength > MAX_BUFFERED) this.#end("it does not read");
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#connection.close();
  }

  onText(text: string): void {
    if (this.#isClosed) return;
    this.heardMs = this.#now();
    try {
      this.#decoder.push(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#end(error.message);
    }
  }

  onClose(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#events.closed(this, error?.message);
  }

  #receive(message: PeerMessage): void {
    if (this.#isClosed) return;
    if (this.#member !== undefined) {
      this.#events.message(this, this.#member, message);
      return;
    }
    const refusal = message.type === "hello" ? this.#refusal(message) : "it does not introduce itself";
    if (refusal !== undefined || message.type !== "hello") {
      this.#end(refusal);
      return;
    }
    this.#member = message.member;
    this.#events.opened(this, message.member);
  }

  /** Returns why the other end is refused. */
  #refusal({ protocol, token, member }: PeerHello): string | undefined {
    if (!isMember(member)) return "it does not say who it is";
    if (this.#token !== undefined && !isSameSecret(String(token), this.#token)) return "it has another token";
    return protocol === PEER_PROTOCOL_VERSION ? undefined : `it speaks protocol ${protocol}`;
  }

  #end(reason: string | undefined): void {
    if (this.#isClosed) return;
    this.close();
    this.#events.closed(this, reason);
  }
}

const isMember = (member: Partial<Member> | undefined) =>
  typeof member?.id === "string" && typeof member.name === "string" && typeof member.address === "string";

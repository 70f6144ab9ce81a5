import { bodyLimit } from "../options.ts";

// Frames of WebSockets (RFC 6455 section 5). No extension is negotiated.

export const OPCODES = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;
/** Close codes (RFC 6455 section 7.4.1). */
export const CLOSE = {
  NORMAL: 1000,
  PROTOCOL_ERROR: 1002,
  NONE: 1005,
  LOST: 1006,
  INVALID_DATA: 1007,
  TOO_LARGE: 1009,
  ERROR: 1011,
  RESTART: 1012,
} as const;

/** Violation by the client, with the code to close with. */
export class FrameError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** Receiver of whole messages and of control frames. */
export interface FrameListener {
  onMessage(data: string | Buffer): void;
  onClose(code: number, reason: string): void;
  onPing(data: Buffer): void;
}

/** Writes an unmasked frame, as servers send them. */
export function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(head + length);
  bytes[0] = 0x80 | opcode;
  if (head === 2) bytes[1] = length;
  else if (head === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  payload.copy(bytes, head);
  return bytes;
}

/** Writes a close frame; without a payload if there is no code to send. */
export function closeFrame(code: number, reason = ""): Buffer {
  if (code === CLOSE.NONE) return frame(OPCODES.CLOSE, Buffer.alloc(0));
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return frame(OPCODES.CLOSE, payload);
}

/** Tests for a close code that may be sent. */
export function isCloseCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== CLOSE.NONE && code !== CLOSE.LOST;
}

interface Head {
  readonly isFinal: boolean;
  readonly opcode: number;
  /** Bytes of the head, with the mask. */
  readonly size: number;
  readonly length: number;
}

/** Decoder of a client's frames, which arrive in pieces of any size. */
export class FrameDecoder {
  readonly #listener: FrameListener;
  readonly #text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #chunks: Buffer[] = [];
  #buffered = 0;
  #parts: Buffer[] = [];
  #partsSize = 0;
  #opcode: number = OPCODES.CONTINUATION;
  #isClosed = false;

  constructor(listener: FrameListener) {
    this.#listener = listener;
  }

  /** @throws FrameError */
  write(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    while (!this.#isClosed) {
      const head = this.#head();
      if (head === undefined || this.#buffered < head.size + head.length) return;
      const bytes = this.#take(head.size + head.length);
      const payload = bytes.subarray(head.size);
      unmask(payload, bytes.subarray(head.size - 4, head.size));
      this.#frame(head, payload);
    }
  }

  #head(): Head | undefined {
    if (this.#buffered < 2) return undefined;
    const [first = 0, second = 0] = this.#peek(2);
    const opcode = first & 15;
    const short = second & 127;
    if (first & 0x70) throw new FrameError(CLOSE.PROTOCOL_ERROR, "a reserved bit is set");
    if (!(second & 0x80)) throw new FrameError(CLOSE.PROTOCOL_ERROR, "a frame is not masked");
    const isFinal = (first & 0x80) !== 0;
    if (opcode >= OPCODES.CLOSE) {
      if (opcode > OPCODES.PONG || !isFinal || short > 125)
        throw new FrameError(CLOSE.PROTOCOL_ERROR, "an invalid control frame");
    } else if (opcode > OPCODES.BINARY || (opcode === OPCODES.CONTINUATION) !== this.#isFragmented)
      throw new FrameError(CLOSE.PROTOCOL_ERROR, "an unexpected frame");
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const size = 6 + lengthBytes;
    if (this.#buffered < 2 + lengthBytes) return undefined;
    const head = this.#peek(2 + lengthBytes);
    const length =
      lengthBytes === 8 ? Number(head.readBigUInt64BE(2)) : lengthBytes === 2 ? head.readUInt16BE(2) : short;
    if (opcode < OPCODES.CLOSE && this.#partsSize + length > bodyLimit)
      throw new FrameError(CLOSE.TOO_LARGE, `a message is larger than ${bodyLimit} bytes`);
    return { isFinal, opcode, size, length };
  }

  get #isFragmented(): boolean {
    return this.#opcode !== OPCODES.CONTINUATION;
  }

  #frame({ isFinal, opcode }: Head, payload: Buffer): void {
    if (opcode === OPCODES.CLOSE) this.#close(payload);
    else if (opcode === OPCODES.PING) this.#listener.onPing(payload);
    else if (opcode !== OPCODES.PONG) this.#data(isFinal, opcode, payload);
  }

  #data(isFinal: boolean, opcode: number, payload: Buffer): void {
    if (opcode !== OPCODES.CONTINUATION) this.#opcode = opcode;
    this.#parts.push(payload);
    this.#partsSize += payload.length;
    if (!isFinal) return;
    const data = this.#parts.length === 1 ? payload : Buffer.concat(this.#parts);
    const isText = this.#opcode === OPCODES.TEXT;
    this.#parts = [];
    this.#partsSize = 0;
    this.#opcode = OPCODES.CONTINUATION;
    this.#listener.onMessage(isText ? this.#decode(data) : data);
  }

  #close(payload: Buffer): void {
    this.#isClosed = true;
    // Closing without a code has one for its receiver.
    if (payload.length === 0) {
      this.#listener.onClose(CLOSE.NONE, "");
      return;
    }
    const code = payload.length === 1 ? 0 : payload.readUInt16BE(0);
    if (!isCloseCode(code)) throw new FrameError(CLOSE.PROTOCOL_ERROR, "an invalid close code");
    this.#listener.onClose(code, this.#decode(payload.subarray(2)));
  }

  #decode(bytes: Buffer): string {
    try {
      return this.#text.decode(bytes);
    } catch {
      throw new FrameError(CLOSE.INVALID_DATA, "a text is not UTF-8");
    }
  }

  /** Returns the first bytes, which stay. */
  #peek(count: number): Buffer {
    const [first] = this.#chunks;
    if (first !== undefined && first.length >= count) return first.subarray(0, count);
    this.#chunks = [Buffer.concat(this.#chunks)];
    return (this.#chunks[0] as Buffer).subarray(0, count);
  }

  #take(count: number): Buffer {
    // Several chunks are joined once per frame, not once per chunk.
    const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    this.#chunks = all.length > count ? [all.subarray(count)] : [];
    this.#buffered -= count;
    return all.subarray(0, count);
  }
}

function unmask(payload: Buffer, mask: Buffer): void {
  for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] as number) ^ (mask[i & 3] as number);
}

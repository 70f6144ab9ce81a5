import { setTimeout as delay } from "node:timers/promises";
import { checksum } from "../journal/record-format.ts";
import type { Entry, NoteLocation } from "../schedule/entry.ts";
import type { Connection } from "./connection.ts";

/** Time for which a read waits for a connection, and is tried again. */
const WAIT_MS = 20_000;
const RETRY_MS = 250;

/** Reads bodies and notes from the stream. */
export class PayloadReader {
  readonly #connection: Connection;
  #isClosed = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  close(): void {
    this.#isClosed = true;
  }

  /** Reads the body of a message, and checks it. */
  async body({ id, segment, bodyOffset, bodyBytes, bodyChecksum }: Entry): Promise<Buffer> {
    const body = await this.#payload(segment, bodyOffset);
    if (body.length === bodyBytes && checksum(body) === bodyChecksum) return body;
    throw new Error(`the body of message ${id} does not match its checksum`);
  }

  note({ segment, offset }: NoteLocation): Promise<Buffer> {
    return this.#payload(segment, offset);
  }

  /** Reads the payload that ends with a sequence and begins some messages before. */
  async #payload(sequence: number, parts: number): Promise<Buffer> {
    const pieces = await Promise.all(
      Array.from({ length: parts + 1 }, (_, index) => this.#message(sequence - parts + index)),
    );
    // Copied: what was received is part of a larger buffer.
    return Buffer.concat(pieces);
  }

  async #message(seq: number): Promise<Uint8Array> {
    const { manager, url } = this.#connection;
    const endMs = Date.now() + WAIT_MS;
    for (;;) {
      try {
        // A replica of the stream may be behind, the leader is not.
        const found =
          (await manager.direct.getMessage(url.stream, { seq })) ??
          (await manager.streams.getMessage(url.stream, { seq }));
        if (found) return found.data;
        throw new MissingError(`the stream ${url.stream} has no message ${seq}`);
      } catch (error) {
        if (error instanceof MissingError || this.#isClosed || Date.now() > endMs) throw error;
        await Promise.race([this.#connection.connected, delay(endMs - Date.now(), undefined, { ref: false })]);
        await delay(RETRY_MS);
      }
    }
  }
}

class MissingError extends Error {}

import { setTimeout as delay } from "node:timers/promises";
import { checksum } from "../journal/record-format.ts";
import { DamagedBodyError } from "../message-log.ts";
import type { Entry, NoteLocation } from "../schedule/entry.ts";
import type { Connection } from "./connection.ts";

/** Time for which a read waits for a connection, and is tried again. */
const WAIT_MS = 20_000;
const RETRY_MS = 250;
/** Bodies up to this size are read together. */
const MAX_SMALL_BYTES = 16 * 2 ** 10;
const MAX_RUN = 64;
/** Records between two bodies that are read along with them. */
const MAX_GAP = 2;

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

  /** Reads the bodies of messages, and checks them. Resolves to a body or an error for each. */
  async bodies(entries: readonly Entry[]): Promise<Map<Entry, Buffer | Error>> {
    const read = await this.#readRuns(entries);
    const bodies = entries.map((entry) => this.#body(entry, read).catch((error: Error) => error));
    return new Map((await Promise.all(bodies)).map((body, index) => [entries[index] as Entry, body]));
  }

  note({ segment, offset }: NoteLocation): Promise<Buffer> {
    return this.#payload(segment, offset);
  }

  async #body(
    { id, segment, bodyOffset, bodyBytes, bodyChecksum }: Entry,
    read: ReadonlyMap<number, Uint8Array>,
  ): Promise<Buffer> {
    const early = read.get(segment);
    // Copied: what was received is part of a larger buffer.
    const body = early ? Buffer.from(early) : await this.#payload(segment, bodyOffset);
    if (body.length === bodyBytes && checksum(body) === bodyChecksum) return body;
    throw new DamagedBodyError(`the body of message ${id} does not match its checksum`);
  }

  /** Reads small bodies that are near each other with few requests. What cannot be read is left out. */
  async #readRuns(entries: readonly Entry[]): Promise<Map<number, Uint8Array>> {
    const read = new Map<number, Uint8Array>();
    const wanted = entries.flatMap(({ segment, bodyOffset, bodyBytes }) =>
      bodyOffset === 0 && bodyBytes <= MAX_SMALL_BYTES ? [segment] : [],
    );
    const { manager, url } = this.#connection;
    const runs = runsOf(wanted).map(async ([first, last]) => {
      const request = { seq: first, batch: last - first + 1 } as Parameters<typeof manager.direct.getBatch>[1];
      for await (const message of await manager.direct.getBatch(url.stream, request))
        read.set(message.seq, message.data);
    });
    await Promise.allSettled(runs);
    return read;
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

/** Returns first and last of numbers that are near each other, where there are several. */
function runsOf(numbers: readonly number[]): readonly (readonly [number, number])[] {
  const runs: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run && number - run[1] <= MAX_GAP + 1 && number - run[0] < MAX_RUN) run[1] = number;
    else runs.push([number, number]);
  }
  return runs.filter(([first, last]) => last > first);
}

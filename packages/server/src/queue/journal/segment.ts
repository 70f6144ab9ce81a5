import { randomInt, randomUUID } from "node:crypto";
import { constants, type FileHandle, link, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { FaasError } from "@faas/core";
import { TEMPORARY } from "../../state/atomic-file.ts";
import { syncFolder } from "../../state/fsync.ts";
import { encodeFrame, FRAME_HEAD_BYTES } from "./frame-format.ts";

const SUFFIX = ".segment";
const VERSION = 1;

/** First line of a segment: a checksum and this in JSON. */
export interface SegmentHeader {
  readonly version: typeof VERSION;
  readonly number: number;
  readonly salt: number;
  /** Largest sequence of a message so far. */
  readonly sequence: number;
  /** Largest id of a message so far. */
  readonly lastId: string;
  /** Earlier segments that are in use: number and length. Anything behind that length was never acknowledged. */
  readonly earlier: readonly (readonly [number: number, bytes: number])[];
}

/** Zeros that are written at once. */
const ZEROS = Buffer.alloc(2 ** 20);

/**
 * File of a journal. Its frames are written once, from its beginning to its end. Zeros are written ahead of them: a write inside of the file needs no
 * commit of the file system's own journal, which others use too (ext4(5)), and is on disk sooner.
 */
export class Segment {
  readonly number: number;
  readonly file: string;
  readonly salt: number;
  readonly #handle: FileHandle;
  /** Bytes that are on disk and valid. */
  bytes: number;
  /** Number of the next frame. */
  frame: number;
  /** Messages whose record is here. */
  messages = 0;
  /** Time of the newest message with an idempotency key, in milliseconds since the epoch. */
  keyMs = 0;
  /** End of the zeros that are on disk. */
  #zeroedBytes = 0;
  #zeroing: Promise<void> | undefined;
  #canZero = true;

  constructor(number: number, file: string, handle: FileHandle, salt: number, bytes: number, frame: number) {
    this.number = number;
    this.file = file;
    this.#handle = handle;
    this.salt = salt;
    this.bytes = bytes;
    this.frame = frame;
  }

  /** Writes a frame; it is on disk when this resolves. Returns the offset of the first record. When it rejects, the end of the file is unknown. */
  async append(records: readonly Buffer[]): Promise<number> {
    const frame = encodeFrame(records, this.frame, this.salt);
    // Otherwise zeros that are being written could replace the frame.
    if (this.bytes + frame.length > this.#zeroedBytes) await this.#zeroing;
    await writeAll(this.#handle, frame, this.bytes);
    return this.bytes + FRAME_HEAD_BYTES;
  }

  /** Accepts the frame that was appended last. */
  accept(frameBytes: number): void {
    this.bytes += frameBytes;
    this.frame++;
  }

  /** Writes zeros behind a file that grows, the more the larger it is, if few are left. Never behind `maxBytes`. */
  zeroAhead(maxBytes: number): void {
    const ahead = Math.min(Math.max(this.bytes, maxBytes / 128), maxBytes / 8);
    if (this.#zeroing || !this.#canZero || this.bytes < maxBytes / 512) return;
    if (this.#zeroedBytes >= Math.min(this.bytes + ahead / 2, maxBytes)) return;
    const begin = Math.max(this.#zeroedBytes, this.bytes);
    this.#zeroing = this.#zero(begin, Math.min(this.bytes + ahead, maxBytes)).finally(() => {
      this.#zeroing = undefined;
    });
  }

  async #zero(begin: number, end: number): Promise<void> {
    try {
      for (let at = begin; at < end; at = this.#zeroedBytes) {
        const zeros = ZEROS.subarray(0, Math.ceil(end) - at);
        await writeAll(this.#handle, zeros, at);
        this.#zeroedBytes = at + zeros.length;
      }
    } catch {
      // Only slower without zeros. On a full disk, frames have the space that is left.
      this.#canZero = false;
    }
  }

  async read(offset: number, bytes: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(bytes);
    let done = 0;
    while (done < bytes) {
      const { bytesRead } = await this.#handle.read(buffer, done, bytes - done, offset + done);
      if (bytesRead === 0) throw damaged(this.file, `it ends at ${offset + done}, expected ${offset + bytes} bytes`);
      done += bytesRead;
    }
    return buffer;
  }

  async close(): Promise<void> {
    await this.#zeroing;
    await this.#handle.close();
  }

  async remove(): Promise<void> {
    await rm(this.file, { force: true });
    await this.close();
  }
}

export const segmentFile = (folder: string, number: number): string =>
  join(folder, `${String(number).padStart(10, "0")}${SUFFIX}`);

/** Removes files that were being created when a server ended, so that none of another server's can become a segment; returns the numbers of all segments. */
export async function listSegments(folder: string): Promise<number[]> {
  const isTemporary = (name: string) => name.endsWith(TEMPORARY);
  for (const name of (await readdir(folder)).filter(isTemporary)) await rm(join(folder, name), { force: true });
  return (await readdir(folder))
    .filter((name) => /^\d{10}\.segment$/.test(name))
    .map((name) => Number(name.slice(0, 10)))
    .sort((a, b) => a - b);
}

/**
 * Creates a segment with its header and first frame. It gets its name when both are on disk, so a segment with a broken header is damaged.
 *
 * @throws EEXIST when there is one with this number
 */
export async function createSegment(
  folder: string,
  header: Omit<SegmentHeader, "version" | "salt">,
  records: readonly Buffer[],
  assertLockHeld: () => Promise<void>,
): Promise<{ readonly segment: Segment; readonly start: number }> {
  const salt = randomInt(2 ** 32);
  const head = formatHeader({ version: VERSION, salt, ...header });
  const frame = encodeFrame(records, 1, salt);
  const file = segmentFile(folder, header.number);
  const temporary = `${file}.${randomUUID()}${TEMPORARY}`;
  // O_DSYNC: a write is followed by its fdatasync in one system call, without a turn of the event loop in between (open(2)).
  const { O_CREAT, O_EXCL, O_RDWR, O_DSYNC } = constants;
  const handle = await open(temporary, O_CREAT | O_EXCL | O_RDWR | O_DSYNC, 0o600);
  try {
    await writeAll(handle, Buffer.concat([head, frame]), 0);
    await handle.sync();
    await assertLockHeld();
    await link(temporary, file);
    await rm(temporary, { force: true });
    await syncFolder(folder);
  } catch (error) {
    await handle.close();
    await rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
  const segment = new Segment(header.number, file, handle, salt, head.length + frame.length, 2);
  return { segment, start: head.length + FRAME_HEAD_BYTES };
}

function formatHeader(header: SegmentHeader): Buffer {
  const text = JSON.stringify(header);
  return Buffer.from(`${checksumOf(text)} ${text}\n`);
}

/**
 * Reads the header; returns it with its length.
 *
 * @throws STATE_DAMAGED
 */
export function parseHeader(buffer: Buffer, file: string): { readonly header: SegmentHeader; readonly bytes: number } {
  const end = buffer.indexOf(10);
  const text = buffer.toString("utf8", 9, Math.max(9, end));
  if (end < 0 || buffer.toString("utf8", 0, 9) !== `${checksumOf(text)} `)
    throw damaged(file, "its first line does not match its checksum");
  const header = JSON.parse(text) as SegmentHeader;
  if (header.version !== VERSION) throw damaged(file, `expected version ${VERSION}, got ${header.version}`);
  return { header, bytes: end + 1 };
}

const checksumOf = (text: string) => crc32(text).toString(16).padStart(8, "0");

export function damaged(file: string, problem: string): FaasError {
  return new FaasError(
    "STATE_DAMAGED",
    `The queue's file ${file} cannot be read: ${problem}. It was left as it is. Restore the folder with all its files from a backup, or move the folder away to start with an empty queue`,
  );
}

async function writeAll(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

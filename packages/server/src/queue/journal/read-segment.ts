import { open } from "node:fs/promises";
import { endOfFrame, FRAME_HEAD_BYTES, hasLaterFrame } from "./frame-format.ts";
import { decodeRecord, type JournalRecord } from "./record-format.ts";
import { damaged, parseHeader, Segment, type SegmentHeader, segmentFile } from "./segment.ts";

/** Segment with its contents. */
export interface SegmentContents {
  readonly segment: Segment;
  readonly header: SegmentHeader;
  readonly buffer: Buffer;
}

/**
 * Opens a segment and checks all of it.
 *
 * @param sealedBytes length of a segment that another one continues; without it, a torn write at the end is left out
 * @throws STATE_DAMAGED
 */
export async function readSegment(folder: string, number: number, sealedBytes?: number): Promise<SegmentContents> {
  const file = segmentFile(folder, number);
  const handle = await open(file, "r+").catch((error) => {
    throw error.code === "ENOENT" ? damaged(file, "it is missing") : error;
  });
  try {
    const whole = await handle.readFile();
    if (sealedBytes !== undefined && whole.length < sealedBytes)
      throw damaged(file, `it has ${whole.length} bytes, expected ${sealedBytes}`);
    const buffer = whole.subarray(0, sealedBytes ?? whole.length);
    const { header, bytes } = parseHeader(buffer, file);
    if (header.number !== number) throw damaged(file, `it is segment ${header.number}`);
    const { end, frames } = checkFrames(buffer, bytes, header.salt);
    if (end < buffer.length && (sealedBytes !== undefined || hasLaterFrame(buffer, end, header.salt)))
      throw damaged(file, `the data at byte ${end} does not match its checksum`);
    const segment = new Segment(number, file, handle, header.salt, end, frames + 1);
    return { segment, header, buffer: buffer.subarray(0, end) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * Returns the records of a segment that was checked.
 *
 * @throws STATE_DAMAGED
 */
export function* recordsOf(buffer: Buffer, file: string): Generator<JournalRecord, void, void> {
  let offset = parseHeader(buffer, file).bytes;
  while (offset < buffer.length) {
    const end = offset + FRAME_HEAD_BYTES + buffer.readUInt32LE(offset + 4);
    offset += FRAME_HEAD_BYTES;
    while (offset < end) {
      const decoded = decode(buffer, offset, file);
      yield decoded.record;
      offset = decoded.end;
    }
  }
}

function decode(buffer: Buffer, offset: number, file: string): ReturnType<typeof decodeRecord> {
  try {
    return decodeRecord(buffer, offset);
  } catch (error) {
    throw damaged(file, `${(error as Error).message}, at byte ${offset}`);
  }
}

/** Returns the end of the last whole frame, and the number of frames. */
function checkFrames(buffer: Buffer, start: number, salt: number): { readonly end: number; readonly frames: number } {
  let end = start;
  for (let frames = 0; ; frames++) {
    const next = endOfFrame(buffer, end, salt, frames + 1);
    if (next === undefined) return { end, frames };
    end = next;
  }
}

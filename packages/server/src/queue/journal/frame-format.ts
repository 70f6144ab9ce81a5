import { crc32 } from "node:zlib";

/*
 * Frame: the records of one write. Little-endian: u32 magic, u32 bytes of the records, u32 number of the frame in its segment (from 1), u32 CRC-32 of
 * the records, of the three fields before, and of the segment's salt, which callers cannot know: no message looks like a frame.
 */
const MAGIC = 0x314d5246;
export const FRAME_HEAD_BYTES = 16;

/** Formats a frame. */
export function encodeFrame(records: readonly Buffer[], number: number, salt: number): Buffer {
  const bytes = records.reduce((sum, { length }) => sum + length, 0);
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + bytes);
  frame.writeUInt32LE(MAGIC, 0);
  frame.writeUInt32LE(bytes, 4);
  frame.writeUInt32LE(number, 8);
  let offset = FRAME_HEAD_BYTES;
  for (const record of records) {
    frame.set(record, offset);
    offset += record.length;
  }
  frame.writeUInt32LE(checksumOf(frame, 0, bytes, salt), 12);
  return frame;
}

/** Returns the end of the frame at `offset` if it is whole. */
export function endOfFrame(buffer: Buffer, offset: number, salt: number, number?: number): number | undefined {
  if (offset + FRAME_HEAD_BYTES > buffer.length || buffer.readUInt32LE(offset) !== MAGIC) return undefined;
  const bytes = buffer.readUInt32LE(offset + 4);
  const end = offset + FRAME_HEAD_BYTES + bytes;
  if (end > buffer.length || (number !== undefined && buffer.readUInt32LE(offset + 8) !== number)) return undefined;
  return buffer.readUInt32LE(offset + 12) === checksumOf(buffer, offset, bytes, salt) ? end : undefined;
}

/**
 * Finds a whole frame after `offset`. A frame is written when the one before is on disk: what precedes a whole frame was acknowledged, and is damaged
 * if it cannot be read; without one, it is a write that a crash cut short.
 */
export function hasLaterFrame(buffer: Buffer, offset: number, salt: number): boolean {
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(MAGIC);
  for (let at = buffer.indexOf(magic, offset + 1); at >= 0; at = buffer.indexOf(magic, at + 1))
    if (endOfFrame(buffer, at, salt) !== undefined) return true;
  return false;
}

function checksumOf(buffer: Buffer, offset: number, bytes: number, salt: number): number {
  const head = crc32(buffer.subarray(offset, offset + 12), salt);
  return crc32(buffer.subarray(offset + FRAME_HEAD_BYTES, offset + FRAME_HEAD_BYTES + bytes), head);
}

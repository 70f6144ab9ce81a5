import { DamagedBodyError } from "../message-log.ts";
import type { Entry } from "../schedule/entry.ts";
import { checksum } from "./record-format.ts";
import type { Segment } from "./segment.ts";

/** Bodies that are at most this far apart are read at once. */
const MAX_GAP_BYTES = 16 * 2 ** 10;
const MAX_READ_BYTES = 2 ** 20;

/** Bodies that are read at once. */
interface Span {
  readonly segment: number;
  readonly start: number;
  end: number;
  readonly entries: Entry[];
}

/**
 * Reads the bodies of messages, neighbours together. All reads begin before this returns.
 *
 * @returns a body or an error for each entry
 */
export async function readBodies(
  entries: readonly Entry[],
  segments: ReadonlyMap<number, Segment>,
): Promise<Map<Entry, Buffer | Error>> {
  const bodies = new Map<Entry, Buffer | Error>();
  await Promise.all(
    spansOf(entries).map(async ({ segment: number, start, end, entries }) => {
      // Copied: places may change while the bodies are read.
      const places = entries.map((entry) => ({ entry, offset: entry.bodyOffset - start }));
      const segment = segments.get(number) as Segment;
      const read = await segment.read(start, end - start).catch((error: Error) => error);
      for (const { entry, offset } of places)
        bodies.set(entry, read instanceof Error ? read : bodyOf(entry, read, offset, segment.file));
    }),
  );
  return bodies;
}

function bodyOf(entry: Entry, read: Buffer, offset: number, file: string): Buffer | Error {
  // Copied unless alone: a small body would keep all of the memory that was read.
  const isAlone = entry.bodyBytes === read.length;
  const body = isAlone ? read : Buffer.from(read.subarray(offset, offset + entry.bodyBytes));
  if (checksum(body) === entry.bodyChecksum) return body;
  return new DamagedBodyError(`the body of message ${entry.id} in ${file} does not match its checksum`);
}

function spansOf(entries: readonly Entry[]): Span[] {
  const spans: Span[] = [];
  for (const entry of entries.toSorted((a, b) => a.segment - b.segment || a.bodyOffset - b.bodyOffset)) {
    const end = entry.bodyOffset + entry.bodyBytes;
    const span = spans.at(-1);
    if (
      span?.segment === entry.segment &&
      entry.bodyOffset - span.end <= MAX_GAP_BYTES &&
      end - span.start <= MAX_READ_BYTES
    ) {
      span.end = end;
      span.entries.push(entry);
    } else spans.push({ segment: entry.segment, start: entry.bodyOffset, end, entries: [entry] });
  }
  return spans;
}

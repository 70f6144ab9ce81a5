import { crc32 } from "node:zlib";
import { expectedAndGot } from "@faas/core";
import { z } from "zod";
import type { Change } from "./records.ts";
import { endpointRecordSchema, keyRecordSchema } from "./snapshot-format.ts";

/** Version of the format of `state.journal`. */
const JOURNAL_VERSION = 1;

/** First line: the state that the journal continues, and after which change. */
export interface JournalHeader {
  readonly version: typeof JOURNAL_VERSION;
  /** The `id` of the `state.json`. */
  readonly state: string;
  /** Number of the last change in that `state.json`. */
  readonly after: number;
}

/** Changes that were written at once: all of them are in the journal, or none. */
export interface Entry {
  /** Number of the write: one more than in the entry before. */
  readonly sequence: number;
  readonly changes: readonly Change[];
}

export interface Journal {
  readonly header: JournalHeader;
  readonly entries: readonly Entry[];
  /** True when a crash cut the last write short; it was never acknowledged. */
  readonly torn: boolean;
}

const header = z.looseObject({
  version: z.literal(JOURNAL_VERSION),
  state: z.string(),
  after: z.int().min(0),
});
const entry = z.looseObject({
  sequence: z.int().min(1),
  changes: z.array(
    z.union([
      z.looseObject({ key: z.string(), org: z.undefined().optional(), record: keyRecordSchema.nullable() }),
      z.looseObject({ org: z.string(), endpoint: z.string(), record: endpointRecordSchema.nullable() }),
      z.looseObject({ org: z.string(), endpoint: z.undefined().optional(), record: z.looseObject({}).nullable() }),
    ]),
  ),
});

export const formatHeader = (state: string, after: number): string =>
  line({ version: JOURNAL_VERSION, state, after } satisfies JournalHeader);

export const formatEntry = (written: Entry): string => line(written);

/** Formats a line: a checksum and JSON, which contains no line breaks. */
function line(value: object): string {
  const text = JSON.stringify(value);
  return `${checksum(text)} ${text}\n`;
}

const checksum = (text: string | Buffer) => crc32(text).toString(16).padStart(8, "0");

const NEWLINE = 10;
const CHECKSUM_BYTES = 8;

/** Parses a journal; returns a string with the problem when it is damaged. */
export function parseJournal(bytes: Buffer): Journal | string {
  let read: JournalHeader | undefined;
  const entries: Entry[] = [];
  for (let number = 1, start = 0; start < bytes.length; number++) {
    const found = bytes.indexOf(NEWLINE, start);
    const end = found < 0 ? bytes.length : found;
    const text = textOf(bytes.subarray(start, end));
    const isLast = end + 1 >= bytes.length;
    if (text === undefined) {
      if (read && isLast && isTorn(bytes.subarray(start))) return { header: read, entries, torn: true };
      return `line ${number} does not match its checksum`;
    }
    const [issue] = (number === 1 ? header : entry).safeParse(text, { error: expectedAndGot }).error?.issues ?? [];
    if (issue) return `line ${number}, "${issue.path.join(".")}": ${issue.message}`;
    if (!read) read = text as JournalHeader;
    else {
      const expected = (entries.at(-1)?.sequence ?? read.after) + 1;
      const { sequence } = text as Entry;
      if (sequence !== expected) return `line ${number}: expected change ${expected}, got ${sequence}`;
      entries.push(text as Entry);
    }
    start = end + 1;
  }
  return read ? { header: read, entries, torn: false } : "it is empty";
}

/** Returns the JSON of a line; undefined when the checksum does not match. */
function textOf(bytes: Buffer): unknown {
  const text = bytes.subarray(CHECKSUM_BYTES + 1);
  if (bytes.toString("latin1", 0, CHECKSUM_BYTES + 1) !== `${checksum(text)} `) return undefined;
  return JSON.parse(text.toString());
}

/** True for a write that was cut short: it has no end, or zeros where it did not reach the disk. A line that was modified later has neither. */
const isTorn = (bytes: Buffer) => bytes.at(-1) !== NEWLINE || bytes.includes(0);

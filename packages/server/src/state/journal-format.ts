import { crc32 } from "node:zlib";
import { expectedAndGot } from "@faas/core";
import { z } from "zod";
import { endpointRecordSchema, keyRecordSchema } from "./snapshot-format.ts";
import type { Change } from "./state.ts";

/** Of the form of `state.journal`. */
const JOURNAL_VERSION = 1;

/** The first line: which state the journal goes on with, and after which change. */
export interface JournalHeader {
  readonly version: typeof JOURNAL_VERSION;
  /** The `id` of the `state.json`. */
  readonly state: string;
  readonly after: number;
}

/** What was written at once: it is there as a whole, or not at all. */
export interface Entry {
  /** One more than that of the entry before. */
  readonly sequence: number;
  readonly changes: readonly Change[];
}

export interface Journal {
  readonly header: JournalHeader;
  readonly entries: readonly Entry[];
  /** The last write was cut short by the end of the server or the machine: nobody was told that it was done. */
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

/** A checksum and JSON, which has no line breaks of its own. */
function line(value: object): string {
  const text = JSON.stringify(value);
  return `${checksum(text)} ${text}\n`;
}

const checksum = (text: string | Buffer) => crc32(text).toString(16).padStart(8, "0");

const NEWLINE = 10;
const CHECKSUM_BYTES = 8;

/** Reads a journal; a string says what is wrong with it. */
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

/** Undefined when it is not as it was written. */
function textOf(bytes: Buffer): unknown {
  const text = bytes.subarray(CHECKSUM_BYTES + 1);
  if (bytes.toString("latin1", 0, CHECKSUM_BYTES + 1) !== `${checksum(text)} `) return undefined;
  return JSON.parse(text.toString());
}

/** A write that was cut short has no end, or zeros where it did not reach the disk; what was changed later has neither. */
const isTorn = (bytes: Buffer) => bytes.at(-1) !== NEWLINE || bytes.includes(0);

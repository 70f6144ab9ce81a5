import type { MsgHdrs } from "@nats-io/transport-node";
import { decodeRecord, type JournalRecord } from "../journal/record-format.ts";
import type { NoteLocation } from "../schedule/entry.ts";

/*
 * A record of the stream has its fields in headers, so that a start reads these alone, and a body or a note as its payload:
 *
 *   Faas:        records in the format of the journal, without bodies and notes, in base64
 *   Faas-Parts:  number of messages right before this one which hold the beginning of the payload; they have none of these headers
 *   Faas-Note:   bytes of the note that is the payload
 *   Faas-Notes:  places of earlier notes, SEQUENCE.PARTS.BYTES, separated by commas
 *   Faas-Server: a server that begins to write, and has taken over from an earlier one
 */
export const HEADERS = {
  record: "Faas",
  parts: "Faas-Parts",
  note: "Faas-Note",
  notes: "Faas-Notes",
  server: "Faas-Server",
  ttl: "Nats-TTL",
} as const;

/** Fields of headers, in their order. */
export type Fields = Readonly<Record<string, string>>;

/** Returns the headers of a record whose fields were formatted for the journal. */
export const recordFields = (records: Buffer): Fields => ({ [HEADERS.record]: records.toString("base64") });

export const formatNotes = (notes: readonly NoteLocation[]): string =>
  notes.map(({ segment, offset, bytes }) => `${segment}.${offset}.${bytes}`).join(",");

/** Record of a stream, without its payload. */
export interface StreamRecord {
  readonly records: readonly JournalRecord[];
  readonly parts: number;
  /** Bytes of its note; undefined without one. */
  readonly noteBytes: number | undefined;
  readonly notes: readonly NoteLocation[];
}

/** Reads headers; returns undefined for those of a part, and of a server that begins to write. */
export function parseRecord(headers: MsgHdrs | undefined): StreamRecord | undefined {
  const text = headers?.get(HEADERS.record);
  if (!headers || !text) return undefined;
  const buffer = Buffer.from(text, "base64");
  const records: JournalRecord[] = [];
  for (let offset = 0; offset < buffer.length; ) {
    const { record, end } = decodeRecord(buffer, offset);
    records.push(record);
    offset = end;
  }
  const noteBytes = headers.get(HEADERS.note);
  return {
    records,
    parts: Number(headers.get(HEADERS.parts)),
    noteBytes: noteBytes === "" ? undefined : Number(noteBytes),
    notes: parseNotes(headers.get(HEADERS.notes)),
  };
}

function parseNotes(text: string): NoteLocation[] {
  if (text === "") return [];
  return text.split(",").map((place) => {
    const [segment, offset, bytes] = place.split(".").map(Number) as [number, number, number];
    return { segment, offset, bytes };
  });
}

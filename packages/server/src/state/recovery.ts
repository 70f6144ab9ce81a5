import { readFile } from "node:fs/promises";
import { parseJournal } from "./journal-format.ts";
import { damaged, journalOf, parseSnapshot, type Snapshot } from "./snapshot-format.ts";
import { State } from "./state.ts";

/** Contents of a `state.json` and its journal. */
export interface StateOnDisk extends Snapshot {
  /** Size of `state.json`. */
  readonly bytes: number;
}

/**
 * Reads `file`, a `state.json`, and its journal without changing anything.
 *
 * @throws STATE_DAMAGED
 */
export async function readState(file: string): Promise<StateOnDisk> {
  // In this order, so that changes of another process meanwhile leave no gap: entries that the snapshot includes are skipped.
  const journal = await readIfThere(journalOf(file));
  const text = await readIfThere(file);
  const snapshot = text === undefined ? undefined : parseSnapshot(text.toString(), file);
  const bytes = text?.length ?? 0;
  if (journal === undefined) return { ...(snapshot ?? { state: new State(), sequence: 0 }), bytes };
  if (!snapshot) throw damaged(file, file, `it is missing, but ${journalOf(file)} exists`);
  return { ...snapshot, sequence: replay(journal, snapshot, file), bytes };
}

/** Applies the changes that the snapshot does not include; returns the number of the last one. */
function replay(bytes: Buffer, { state, id, sequence }: Snapshot, file: string): number {
  const reject = (problem: string) => damaged(file, journalOf(file), problem);
  const journal = parseJournal(bytes);
  if (typeof journal === "string") throw reject(journal);
  const { header, entries } = journal;
  if (header.state !== id || header.after > sequence)
    throw reject(
      `it continues another ${file} (expected ${header.state}, change ${header.after}; got ${id ?? "one of version 1"}, change ${sequence}). If ${file} was restored without its journal, move the journal away`,
    );
  let last = sequence;
  for (const { sequence, changes } of entries) {
    if (sequence <= last) continue;
    try {
      for (const change of changes) state.apply(change);
    } catch (error) {
      throw reject(`change ${sequence}: ${(error as Error).message}`);
    }
    last = sequence;
  }
  return last;
}

function readIfThere(file: string): Promise<Buffer | undefined> {
  return readFile(file).catch((error) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

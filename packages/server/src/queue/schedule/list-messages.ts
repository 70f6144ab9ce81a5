import type { ListFilter, MessageState } from "../queue.ts";
import type { Counts } from "./counts.ts";
import { type Entry, stateOf } from "./entry.ts";
import type { EntryList } from "./entry-list.ts";

/** Lists messages from the newest, or from before the one of the cursor, until the limit is reached or no further one can match. */
export function listMessages(
  messages: EntryList<Entry>,
  counts: Counts,
  { status, before, limit }: ListFilter,
  cursor: Entry | undefined,
): readonly MessageState[] {
  const states: MessageState[] = [];
  // Entries after the cursor are not counted, so that this is an upper bound.
  const matching = status ? status.reduce((sum, each) => sum + counts[each], 0) : counts.all;
  const isCursorHere = cursor !== undefined && (cursor === messages.last || isIn(messages, cursor));
  let entry = isCursorHere ? messages.previous(cursor) : messages.last;
  for (; entry && states.length < Math.min(limit, matching); entry = messages.previous(entry)) {
    // Ids sort by time: a cursor that was removed, or is in another topic, is found by its id.
    if (before !== undefined && !isCursorHere && isNotBefore(entry, before, cursor)) continue;
    if (!status || status.includes(entry.status)) states.push(stateOf(entry));
  }
  return states;
}

const isIn = (messages: EntryList<Entry>, { topic }: Entry) =>
  messages === topic.messages || messages === topic.group.messages;

const isNotBefore = (entry: Entry, before: string, cursor: Entry | undefined) =>
  cursor ? entry.sequence >= cursor.sequence : entry.id >= before;

import type { CloudEvent } from "@faas/core";
import { EventStreamParser } from "@faas/core/event-stream-parser";
import type { Session } from "./session.ts";

/** Reads the events that the server has and that meet the query, the newest first. */
export async function readEvents(
  session: Session,
  query: Readonly<Record<string, string>>,
): Promise<readonly CloudEvent[]> {
  const path = `/-/events?${new URLSearchParams({ ...query, after: "0", follow: "false" })}`;
  const blocks = new EventStreamParser().push(await session.text(path));
  return Array.from(blocks, ({ data }) => JSON.parse(data) as CloudEvent).reverse();
}

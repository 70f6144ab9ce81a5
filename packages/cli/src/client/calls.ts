import { type Calls, callsSchema } from "@faas/core";
import type { Client } from "./client.ts";

/** Lists recent calls that meet the query. */
export function recentCalls(client: Client, query: Readonly<Record<string, string>>): Promise<Calls> {
  return client.json(callsSchema, "GET", `/-/calls?${new URLSearchParams(query)}`);
}

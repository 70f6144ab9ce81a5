import {
  type AsyncCallAccepted,
  asyncCallAcceptedSchema,
  type EndpointRef,
  type ScheduleView,
  scheduleListSchema,
} from "@faas/core";
import type { Client } from "./client.ts";

/** Requests about schedules. */

/** Lists the schedules of an organization, or of an endpoint. */
export async function listSchedules(client: Client, org: string, endpoint?: string): Promise<readonly ScheduleView[]> {
  const query = endpoint === undefined ? "" : `?${new URLSearchParams({ endpoint })}`;
  const path = `/-/orgs/${encodeURIComponent(org)}/schedules${query}`;
  return (await client.json(scheduleListSchema, "GET", path)).schedules;
}

/** Starts a run of a schedule. */
export function runSchedule(client: Client, { org, endpoint }: EndpointRef, name: string): Promise<AsyncCallAccepted> {
  const path = ["-", "orgs", org, "endpoints", endpoint, "schedules", name, "run"].map(encodeURIComponent).join("/");
  return client.json(asyncCallAcceptedSchema, "POST", `/${path}`);
}

import type { TrafficView } from "@faas/core";
import { type EndpointRecord, servingRevision } from "../state/records.ts";
import { liveTraffic } from "./traffic.ts";

/** Builds the response body for the division of an endpoint's calls. */
export function viewTraffic(record: EndpointRecord, nowMs: number): TrafficView {
  const { shares, sticky, tags = {}, previews = {}, keptWarm } = liveTraffic(record, nowMs);
  return {
    serving: servingRevision(record).id,
    ...(shares === undefined ? {} : { shares }),
    ...(sticky === undefined ? {} : { sticky }),
    tags,
    previews: Object.entries(previews).map(([revision, preview]) => ({ revision, ...preview })),
    ...(keptWarm === undefined ? {} : { keptWarm }),
  };
}

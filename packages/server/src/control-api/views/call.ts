import { type Call, type CallStage, type EndpointSpec, type StartStage, startIntervals } from "@faas/core";
import type { EndpointRegistry } from "@faas/gateway";
import { type CallTimes, parseCallTimes, parseStoredLine } from "../../logs/access-file.ts";

/** Returns a recent call by its line, "org/endpoint", a tab and the access line; `undefined` for a line that cannot be read. */
export function viewCall(line: string, endpoints: Pick<EndpointRegistry<EndpointSpec>, "get">): Call | undefined {
  const tab = line.indexOf("\t");
  const key = line.slice(0, tab);
  const [org, endpoint] = key.split("/");
  const stored = line.slice(tab + 1);
  const { time, requestId, replica, revision, access } = parseStoredLine(stored) ?? {};
  if (org === undefined || endpoint === undefined || time === undefined || access === undefined) return undefined;
  const times = parseCallTimes(stored);
  const { method, path, status, durationMs, cold, gateway } = access;
  const start = endpoints.get(key)?.status?.replicas.find(({ id }) => id === replica)?.start;
  return {
    ...{ org, endpoint, requestId: requestId ?? "" },
    ...(times.traceId === undefined ? {} : { traceId: times.traceId }),
    arrived: new Date(Date.parse(time) - durationMs).toISOString(),
    ...{ method, path, status, durationMs, cold, replica: replica ?? "", revision: revision ?? "" },
    ...(gateway === undefined ? {} : { gateway }),
    stages: stagesOf(times, durationMs, start ?? []),
  };
}

/** Returns the stages of a call, which follow each other, and those of the replica's start within the cold start. */
function stagesOf(times: CallTimes, durationMs: number, start: readonly StartStage[]): CallStage[] {
  const { coldMs, queueMs, lostMs, headMs = durationMs } = times;
  const stages: CallStage[] = [];
  let at = 0;
  const add = (name: string, ms: number) => {
    if (ms <= 0) return;
    stages.push({ name, startMs: rounded(at), durationMs: rounded(ms) });
    at += ms;
  };
  add("cold start", coldMs);
  stages.push(...startStages(coldMs, start));
  add("queue", queueMs);
  add("lost attempts", lostMs);
  add("function", Math.max(0, headMs - at));
  add("response body", durationMs - at);
  return stages;
}

/** Returns the stages of a replica's start, the last of which ended with the cold start. */
const startStages = (coldMs: number, start: readonly StartStage[]): CallStage[] =>
  coldMs <= 0
    ? []
    : startIntervals(start, 0, coldMs).map(({ stage, began, ended }) => ({
        name: stage,
        startMs: rounded(began),
        durationMs: rounded(ended - began),
        of: "cold start",
      }));

const rounded = (ms: number) => Math.round(ms * 1000) / 1000;

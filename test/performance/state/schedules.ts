import { setTimeout as delay } from "node:timers/promises";
import type { ScheduleList } from "@faas/core";
import { eventually, HttpClient } from "@faas/testing";
import { LocalServer } from "../rig/local-server.ts";
import { percentile, type Row, timed } from "../rig/table.ts";
import { cpuSecondsByThread } from "../rig/usage.ts";

const ENDPOINTS = 200;
/** Schedules of each endpoint. */
const SCHEDULES = 50;
/** Endpoints whose schedules are due at the same instant: 1,000 runs. */
const DUE = 20;
const SECONDS = 20;
const MINUTE_MS = 60_000;
/** Time for which the server registers the last endpoint and collects garbage. */
const SETTLED_MS = 10_000;
/** Time to register the schedules that are due. */
const REGISTERED_MS = 10_000;

/** Measures a server with 10,000 schedules: without a run, and with 1,000 runs that are due at the same instant. */
export async function schedules(): Promise<Row[]> {
  await using server = await LocalServer.start(["--pool-size", "0", "--log-level", "warn"]);
  using client = new HttpClient(server.url);
  await server.deploy("tiny", "index.mjs", "export const handler = () => 1;\n", "--replicas", "0");
  const { image } = await client.json<{ image: string }>("GET", "/-/orgs/acme/endpoints/tiny");
  const digest = image.replace("bundle@", "");
  const register = (org: string, endpoint: string, cron: string) => {
    const names = Array.from({ length: SCHEDULES }, (_, index) => `s${index}`);
    const settings = { replicas: 0, schedules: names.map((name) => ({ name, cron, timeZone: "Europe/Berlin" })) };
    return client.json("PUT", `/-/orgs/${org}/endpoints/${endpoint}`, {
      artifact: { kind: "bundle", digest },
      settings,
    });
  };
  for (let index = 0; index < ENDPOINTS; index++) await register("idle", `e${index}`, "H H 29 2 *");
  await delay(SETTLED_MS);
  const share = (await cpuOver(server.pid, SECONDS)) / SECONDS;
  const lateness = await latenessOf(client, (endpoint, cron) => register("due", endpoint, cron));
  const list = await timed(() => client.json("GET", "/-/orgs/idle/schedules?endpoint=e0"));
  const count = ENDPOINTS * SCHEDULES;
  const p99 = percentile(lateness, 0.99);
  return [
    {
      measure: `${count} schedules, none of them due: CPU over ${SECONDS} s`,
      ...{ baseline: "", ours: `${(share * 100).toFixed(2)}%`, value: share * 100, goal: 1, unit: "% of a core" },
    },
    {
      measure: `${DUE * SCHEDULES} runs due at the same instant, beside ${count} schedules: p99 from the time to the stored call`,
      baseline: `median: ${percentile(lateness, 0.5)} ms`,
      ...{ ours: `${p99} ms`, value: p99, goal: 1000, unit: "ms" },
    },
    {
      measure: `list of ${SCHEDULES} schedules with their next times`,
      ...{ baseline: "", ours: `${list.toFixed(0)} ms`, value: list, goal: 200, unit: "ms" },
    },
  ];
}

async function cpuOver(pid: number, seconds: number): Promise<number> {
  const before = await cpuSecondsByThread(pid);
  await delay(seconds * 1000);
  let sum = 0;
  for (const [thread, after] of await cpuSecondsByThread(pid)) sum += after - (before.get(thread) ?? 0);
  return sum;
}

/** Registers schedules that are due in the next minute that is far enough away, and returns how long after that their calls were accepted, in milliseconds. */
async function latenessOf(
  client: HttpClient,
  register: (endpoint: string, cron: string) => Promise<unknown>,
): Promise<readonly number[]> {
  const dueMs = Math.ceil((Date.now() + REGISTERED_MS) / MINUTE_MS) * MINUTE_MS;
  const due = new Date(dueMs);
  const berlin = new Intl.DateTimeFormat("en-GB", { timeZone: "Europe/Berlin", hour: "numeric", minute: "numeric" });
  const [hour, minute] = berlin.format(due).split(":").map(Number);
  for (let index = 0; index < DUE; index++) await register(`e${index}`, `${minute} ${hour} * * *`);
  if (Date.now() >= dueMs) throw new Error(`The registration took longer than ${REGISTERED_MS} ms`);
  await delay(dueMs + 1_000 - Date.now());
  const ids = await eventually(
    `${DUE * SCHEDULES} runs`,
    async () => {
      const { schedules: all } = await client.json<ScheduleList>("GET", "/-/orgs/due/schedules");
      const found = new Set(all.flatMap(({ runs }) => runs.map(({ call }) => call)));
      return found.size === DUE * SCHEDULES && found;
    },
    { intervalMs: 1_000 },
  );
  const { calls } = await client.json<{ calls: readonly { id: string; acceptedAt: string }[] }>(
    "GET",
    "/-/orgs/due/calls?limit=1000",
  );
  return calls.filter(({ id }) => ids.has(id)).map(({ acceptedAt }) => Date.parse(acceptedAt) - dueMs);
}

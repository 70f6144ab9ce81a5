import { setTimeout as delay } from "node:timers/promises";
import { HttpClient } from "@faas/testing";
import { LocalServer } from "./rig/local-server.ts";
import type { Row } from "./rig/table.ts";
import { cpuSecondsByThread, usage } from "./rig/usage.ts";

const ENDPOINTS = 100;
/** Time after which the server has released the memory of the deployments: V8 collects garbage twice, from 8 s after the last collection on. */
const SETTLED_MS = 15_000;
const SECONDS = 20;

/** Measures a server with idle endpoints, after each of them has run once. */
export async function idleServer(): Promise<Row[]> {
  await using server = await LocalServer.start();
  const { cpuSeconds, residentMiB: resident } = await measureIdle(server, ENDPOINTS, SECONDS);
  const share = cpuSeconds / SECONDS;
  return [
    {
      measure: `idle server, ${ENDPOINTS} endpoints: memory`,
      baseline: "",
      ours: `${resident.toFixed(0)} MiB`,
      value: resident,
      goal: 100,
      unit: "MiB",
    },
    {
      measure: `idle server, ${ENDPOINTS} endpoints: CPU over ${SECONDS} s`,
      baseline: "",
      ours: `${(share * 100).toFixed(2)}%`,
      value: share * 100,
      goal: 1,
      unit: "% of a core",
    },
  ];
}

/** Runs each of `endpoints` endpoints once; then measures the resident memory, and the CPU time over `seconds` seconds. */
export async function measureIdle(
  server: LocalServer,
  endpoints: number,
  seconds: number,
): Promise<{ readonly cpuSeconds: number; readonly residentMiB: number }> {
  using client = new HttpClient(server.url);
  await server.deploy("tiny", "index.mjs", "export const handler = () => 1;\n");
  const { image } = await client.json<{ image: string }>("GET", "/-/orgs/acme/endpoints/tiny");
  for (let i = 0; i < endpoints; i++) {
    const settings = { image, replicas: 1, runtime: "node", idleTimeout: "100ms" };
    await client.json("POST", "/add_endpoint", { org: "idle", endpoint: `e${i}`, ...settings });
    if (i % 5 === 4) await server.untilIdle(`e${i}`, "idle");
  }
  await server.faas("remove", "acme", "--all", "--yes");
  for (let i = 0; i < endpoints; i++) await server.untilIdle(`e${i}`, "idle");
  await delay(SETTLED_MS);
  const before = await cpuSecondsByThread(server.pid);
  await delay(seconds * 1000);
  // No thread ends meanwhile, and hundredths of a second would be too coarse.
  let cpuSeconds = 0;
  for (const [thread, after] of await cpuSecondsByThread(server.pid)) cpuSeconds += after - (before.get(thread) ?? 0);
  const { residentMiB } = await usage(server.pid);
  return { cpuSeconds, residentMiB };
}

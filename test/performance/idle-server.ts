import { setTimeout as delay } from "node:timers/promises";
import { LocalServer } from "./rig/local-server.ts";
import type { Row } from "./rig/table.ts";
import { usage } from "./rig/usage.ts";

const ENDPOINTS = 100;
/** Until the server has given back what the deployments took: that is done once. */
const SETTLED_MS = 8_000;
const SECONDS = 20;

/** What a server costs whose endpoints nobody calls: after all of them ran once. */
export async function idleServer(): Promise<Row[]> {
  await using server = await LocalServer.start();
  await server.deploy("tiny", "index.mjs", "export const handler = () => 1;\n");
  const { image } = (await (await fetch(`${server.url}/-/orgs/acme/endpoints/tiny`)).json()) as { image: string };
  for (let i = 0; i < ENDPOINTS; i++) {
    const body = { org: "idle", endpoint: `e${i}`, image, replicas: 1, runtime: "node", idleTimeout: "100ms" };
    const headers = { "Content-Type": "application/json" };
    await (await fetch(`${server.url}/add_endpoint`, { method: "POST", headers, body: JSON.stringify(body) })).text();
    if (i % 5 === 4) await server.untilIdle(`e${i}`, "idle");
  }
  await server.faas("remove", "acme", "--all", "--yes");
  for (let i = 0; i < ENDPOINTS; i++) await server.untilIdle(`e${i}`, "idle");
  await delay(SETTLED_MS);
  const before = await usage(server.pid);
  await delay(SECONDS * 1000);
  const after = await usage(server.pid);
  const share = (after.cpuSeconds - before.cpuSeconds) / SECONDS;
  const resident = after.residentMiB;
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

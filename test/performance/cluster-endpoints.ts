import { setTimeout as delay } from "node:timers/promises";
import { type Bench, usage } from "./cluster-server.ts";
import type { Row } from "./table.ts";

const FEW = 10;
const MANY = 1000;
const AT_ONCE = 5;

/** What an endpoint that nobody calls costs, when there are many: no more than when there are few. */
export async function manyEndpoints(bench: Bench): Promise<Row[]> {
  const source = await bench.source("asleep", { "index.mjs": "export const handler = () => 1;\n" });
  await bench.faas("deploy", source, "--org", bench.org, "--endpoint", "asleep", "--idle-timeout", "100ms");
  const view = (await (await fetch(`${bench.url}/-/orgs/${bench.org}/endpoints/asleep`)).json()) as { image: string };
  const few = await register(bench, view.image, 0, FEW);
  await register(bench, view.image, FEW, 100);
  const before = await usage(bench.serverPid);
  const rest = await register(bench, view.image, 100, MANY - FEW);
  const last = await register(bench, view.image, MANY - FEW, MANY);
  await delay(2_000);
  const after = await usage(bench.serverPid);
  return [
    {
      measure: `registering an endpoint at zero replicas, the last ${FEW} of ${MANY}`,
      baseline: `the first ${FEW}: ${few.toFixed(0)} ms`,
      ours: `${last.toFixed(0)} ms`,
      value: last / few,
      goal: 1.2,
      unit: "x",
    },
    {
      measure: `memory of the server for each endpoint at zero replicas, up to ${MANY}`,
      baseline: "",
      ours: `${(((after.residentMiB - before.residentMiB) * 1024) / (MANY - 100)).toFixed(1)} KiB`,
      value: ((after.residentMiB - before.residentMiB) * 1024) / (MANY - 100),
      goal: 100,
      unit: "KiB",
    },
    {
      measure: `CPU of the server for registering an endpoint, with ${MANY}`,
      baseline: "",
      ours: `${(((after.cpuSeconds - before.cpuSeconds) * 1000) / (MANY - 100)).toFixed(1)} ms (${rest.toFixed(0)} ms in all)`,
      value: ((after.cpuSeconds - before.cpuSeconds) * 1000) / (MANY - 100),
      goal: 20,
      unit: "ms",
    },
  ];
}

/** Milliseconds for each, a few at a time. */
async function register({ url, org }: Bench, image: string, from: number, to: number): Promise<number> {
  const began = performance.now();
  let next = from;
  const client = async () => {
    for (let i = next++; i < to; i = next++) {
      const answer = await fetch(`${url}/add_endpoint`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ org, endpoint: `e${i}`, image, replicas: 0, idleTimeout: "100ms" }),
      });
      if (!answer.ok) throw new Error(`e${i}: ${answer.status} ${await answer.text()}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  return (performance.now() - began) / (to - from);
}

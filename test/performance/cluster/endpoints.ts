import { setTimeout as delay } from "node:timers/promises";
import type { Row } from "../rig/table.ts";
import { usage } from "../rig/usage.ts";
import type { Bench } from "./bench.ts";

const FEW = 10;
const MANY = 2000;
const CONCURRENCY = 5;

/** Measures the cost of an idle endpoint with many endpoints, against few. */
export async function manyEndpoints(bench: Bench): Promise<Row[]> {
  const source = await bench.source("asleep", { "index.mjs": "export const handler = () => 1;\n" });
  await bench.faas("deploy", source, "--org", bench.org, "--endpoint", "asleep", "--idle-timeout", "100ms");
  const view = (await (await fetch(`${bench.url}/-/orgs/${bench.org}/endpoints/asleep`)).json()) as { image: string };
  const start = await usage(bench.serverPid);
  const few = await register(bench, view.image, 0, FEW);
  const afterFew = await usage(bench.serverPid);
  await register(bench, view.image, FEW, MANY - FEW);
  const last = await register(bench, view.image, MANY - FEW, MANY);
  await delay(2_000);
  const afterAll = await usage(bench.serverPid);
  const each = (what: "cpuSeconds" | "residentMiB") => ({
    few: (afterFew[what] - start[what]) / FEW,
    all: (afterAll[what] - start[what]) / MANY,
  });
  const memory = each("residentMiB");
  const cpu = each("cpuSeconds");
  const row = (measure: string, unit: string, few: number, all: number, baseline: string): Row => ({
    measure: `${measure}, ${MANY} endpoints at zero replicas`,
    baseline: `${baseline}: ${few.toFixed(1)} ${unit}`,
    ours: `${all.toFixed(1)} ${unit}`,
    value: all / few,
    goal: 1.2,
    unit: "x",
  });
  return [
    row(`registering one of the last ${FEW}`, "ms", few, last, `one of the first ${FEW}`),
    row("server memory per endpoint", "KiB", memory.few * 1024, memory.all * 1024, `each of the first ${FEW}`),
    row("server CPU per registration", "ms", cpu.few * 1000, cpu.all * 1000, `each of the first ${FEW}`),
  ];
}

/** Registers endpoints, a few at a time, and returns the milliseconds per endpoint. */
async function register({ url, org }: Bench, image: string, from: number, to: number): Promise<number> {
  const began = performance.now();
  let next = from;
  const client = async () => {
    for (let i = next++; i < to; i = next++) {
      const response = await fetch(`${url}/add_endpoint`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ org, endpoint: `e${i}`, image, replicas: 0, idleTimeout: "100ms" }),
      });
      if (!response.ok) throw new Error(`e${i}: ${response.status} ${await response.text()}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, client));
  return (performance.now() - began) / (to - from);
}

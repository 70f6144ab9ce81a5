import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { limitsCost } from "./limits-cost.ts";
import { LocalServer } from "./rig/local-server.ts";
import { median, percentile, type Row } from "./rig/table.ts";
import { missingPrograms, wrk } from "./rig/wrk.ts";

const HELLO = 'export const handler = () => ({ message: "hello" });\n';
const ALWAYS = ["--scaler", "fixed", "--replicas", "1", "--max-replicas", "1", "--idle-timeout", "never"];
const ROUNDS = 7;
const SECONDS = 4;
const CALLS_A_SECOND = 100;
const CONNECTIONS = 200;
/** Limits that docs/operations.md recommends for an organization that must not disturb others. */
const RECOMMENDED = ["--requests-per-second", "500", "--concurrent-requests", "20"];

/**
 * Measures the latency of one organization while another one calls at full speed on 200 connections. The load generator shares the two cores of the
 * server.
 */
export async function fairness(): Promise<Row[]> {
  const missing = missingPrograms("wrk");
  if (missing.length > 0) throw new Error("Expected wrk to be installed: apt-get install wrk");
  await using server = await LocalServer.start();
  for (const org of ["loud", "quiet"]) await deploy(server, org);
  const blast = async () => {
    const { rate } = await wrk(server.folder, `${server.url}/loud/hello`, {
      connections: CONNECTIONS,
      seconds: SECONDS + 1,
    });
    return rate;
  };
  const limit = (values: readonly string[]) => server.faas("org", "limit", "loud", ...values);
  const NONE = ["--requests-per-second", "none", "--concurrent-requests", "none"];
  const quiet: number[] = [];
  const unlimited: number[] = [];
  const limited: number[] = [];
  const rates: number[] = [];
  const ratios = { unlimited: [] as number[], limited: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const alone = percentile(await calls(server.url), 0.99);
    await limit(NONE);
    const open = await during(blast, () => calls(server.url));
    await limit(RECOMMENDED);
    const held = await during(blast, () => calls(server.url));
    if (round === 0) continue;
    const [p99Open, p99Held] = [percentile(open.times, 0.99), percentile(held.times, 0.99)];
    quiet.push(alone);
    unlimited.push(p99Open);
    limited.push(p99Held);
    rates.push(open.rate);
    ratios.unlimited.push(p99Open / alone);
    ratios.limited.push(p99Held / alone);
  }
  const row = (what: string, ours: readonly number[], ratio: readonly number[]): Row => ({
    measure: `p99 of an organization's ${CALLS_A_SECOND} calls/s while another one calls at full speed, ${what}`,
    baseline: `alone: ${median(quiet).toFixed(2)} ms`,
    ours: `${median(ours).toFixed(2)} ms`,
    value: median(ratio),
    goal: 2,
    unit: "x",
  });
  return [
    row(`without limits (the other: ${median(rates).toFixed(0)}/s)`, unlimited, ratios.unlimited),
    row(`with limits: \`${RECOMMENDED.join(" ")}\``, limited, ratios.limited),
    ...limitsCost(),
  ];
}

async function deploy(server: LocalServer, org: string): Promise<void> {
  const folder = join(server.folder, org);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "index.mjs"), HELLO);
  await server.faas("deploy", folder, "--org", org, "--endpoint", "hello", ...ALWAYS);
}

/** Measures during work that takes longer, once it has begun. */
async function during(work: () => Promise<number>, measured: () => Promise<number[]>) {
  const rate = work();
  await delay(500);
  const times = await measured();
  return { rate: await rate, times };
}

/** Returns the milliseconds of each call, at a fixed rate that does not depend on the previous responses. */
async function calls(url: string): Promise<number[]> {
  const agent = new Agent({ keepAlive: true });
  const times: Promise<number>[] = [];
  const began = performance.now();
  for (let i = 0; i < CALLS_A_SECOND * SECONDS; i++) {
    const dueMs = began + (i * 1000) / CALLS_A_SECOND - performance.now();
    if (dueMs > 0) await delay(dueMs);
    times.push(call(`${url}/quiet/hello`, agent));
  }
  const all = await Promise.all(times);
  agent.destroy();
  return all;
}

async function call(url: string, agent: Agent): Promise<number> {
  const began = performance.now();
  const [response] = await once(get(url, { agent }), "response");
  if (response.statusCode !== 200) throw new Error(`Expected 200, got ${response.statusCode}`);
  response.resume();
  await once(response, "end");
  return performance.now() - began;
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { tempDir } from "@faas/testing";
import { EndpointsServer } from "./rig/endpoints-server.ts";
import { median, percentile, type Row, ratio, timed } from "./rig/table.ts";
import { usage } from "./rig/usage.ts";
import { missingPrograms } from "./rig/wrk.ts";

const FEW = 10;
/** Endpoints under load in each server; together with the other active ones they are 1% of many. */
const LOADED = 10;
const RATE = 100;
const RATE_SECONDS = 20;
const ROUNDS = 16;
const WRK_SECONDS = 2;

/** Compares a server with 10,000 endpoints, of which 1% are called, with a server with 10; both are measured in turns. */
export async function tenThousand(many = 10_000): Promise<Row[]> {
  await using fewServer = new EndpointsServer("few");
  await using manyServer = new EndpointsServer("many");
  const benches = { few: fewServer, many: manyServer };
  const source = join(tempDir("ten-thousand"), "source");
  await mkdir(source);
  await writeFile(join(source, "index.mjs"), 'export const handler = () => ({ message: "hello" });\n');
  for (const bench of [benches.few, benches.many]) {
    await bench.start();
    await bench.deploy(source);
    await bench.registerUpTo(FEW, 1);
  }
  return [...(await registrations(benches, many)), ...(await restarts(benches, many)), ...(await calls(benches, many))];
}

interface Benches {
  readonly few: EndpointsServer;
  readonly many: EndpointsServer;
}

async function registrations({ few, many }: Benches, size: number): Promise<Row[]> {
  const before = await many.memory();
  const registered = size - many.size;
  const seconds = (await timed(() => many.registerUpTo(size, 32))) / 1000;
  const after = await many.memory();

  const each: { few: number[]; many: number[] } = { few: [], many: [] };
  for (let i = 0; i < 200; i++) {
    each.few.push(await timed(() => few.register()));
    each.many.push(await timed(() => many.register()));
  }
  const steady = await atRate(() => many.register());
  // The first change of the next server writes the whole state: that file has the size of the state per endpoint.
  await many.end();
  await many.start();
  await many.register();
  const stateBytes = (await stat(join(many.data, "state.json"))).size / many.size;
  const heap = (after.used - before.used) / registered;
  const resident = (after.resident - before.resident) / registered;
  const kib = (bytes: number) => (bytes / 1024).toFixed(2);
  return [
    ratio(
      `registering one endpoint with ${size} existing, median of 200`,
      `${FEW} existing`,
      median(each.many),
      median(each.few),
      1.2,
    ),
    {
      measure: `registering ${registered} endpoints, 32 at a time`,
      baseline: "",
      ours: `${(registered / seconds).toFixed(0)}/s`,
      value: registered / seconds,
      goal: RATE,
      unit: "/s",
      atLeast: true,
    },
    {
      measure: `${RATE} registrations/s for ${RATE_SECONDS} s with ${size} existing: p99 from the scheduled time`,
      baseline: `p50: ${median(steady).toFixed(1)} ms`,
      ours: `${percentile(steady, 0.99).toFixed(1)} ms`,
      value: percentile(steady, 0.99),
      goal: 250,
      unit: "ms",
    },
    {
      measure: `server memory per endpoint, ${size} at zero replicas, excluding state`,
      baseline: `state: ${kib(stateBytes)} KiB; resident: ${kib(resident)} KiB; in use: ${kib(heap)} KiB`,
      ours: `${kib(heap - stateBytes)} KiB`,
      value: (heap - stateBytes) / 1024,
      goal: 4,
      unit: "KiB",
    },
  ];
}

/** Returns the milliseconds of each call from its scheduled time, so that a stall affects all calls that were due meanwhile. */
async function atRate(work: () => Promise<void>): Promise<number[]> {
  const began = performance.now();
  const all: Promise<number>[] = [];
  for (let i = 0; i < RATE * RATE_SECONDS; i++) {
    const due = began + (i * 1000) / RATE;
    const early = due - performance.now();
    if (early > 0) await delay(early);
    all.push(work().then(() => performance.now() - due));
  }
  return Promise.all(all);
}

async function restarts({ few, many }: Benches, size: number): Promise<Row[]> {
  const times: { few: number[]; many: number[] } = { few: [], many: [] };
  for (let i = 0; i < 5; i++) {
    for (const [bench, into] of [
      [few, times.few],
      [many, times.many],
    ] as const) {
      await bench.end(i % 2 ? "SIGKILL" : "SIGTERM");
      into.push(
        await timed(async () => {
          await bench.start();
          await bench.call(bench.size - 1);
        }),
      );
    }
  }
  return [
    {
      measure: `restart to the first response of a function, ${size} endpoints`,
      baseline: `${FEW} endpoints: ${median(times.few).toFixed(0)} ms`,
      ours: `${median(times.many).toFixed(0)} ms`,
      value: median(times.many),
      goal: 3000,
      unit: "ms",
    },
  ];
}

async function calls({ few, many }: Benches, size: number): Promise<Row[]> {
  if (missingPrograms("wrk").length > 0) {
    process.stderr.write("Skipped the gateway's rate: wrk is not installed\n");
    return [];
  }
  const called = Math.max(LOADED, size / 100);
  for (const [bench, count] of [
    [few, LOADED],
    [many, called],
  ] as const)
    for (let i = 0; i < count; i++) await bench.call(i);
  let next = 0;
  const sides = {
    few: { runs: [] as Run[], run: () => load(few, () => few.call(next++ % LOADED)) },
    many: { runs: [] as Run[], run: () => load(many, () => many.call(next++ % called)) },
  };
  // The sides run in turns: a slow phase of the machine affects both.
  for (let i = 0; i < ROUNDS; i++)
    for (const side of i % 2 ? [sides.few, sides.many] : [sides.many, sides.few]) side.runs.push(await side.run());
  // Other load can only slow a run down, so the better runs show the capacity.
  const rateOf = ({ runs }: { runs: readonly Run[] }) =>
    percentile(
      Array.from(runs, ({ rate }) => rate),
      0.75,
    );
  const cpuOf = ({ runs }: { runs: readonly Run[] }) => median(runs.map(({ cpuMicros }) => cpuMicros));
  const [theirs, ours] = [rateOf(sides.few), rateOf(sides.many)];
  const [theirCpu, ourCpu] = [cpuOf(sides.few), cpuOf(sides.many)];
  return [
    {
      measure: `calls to ${LOADED} of ${size} endpoints (${called} active), wrk -t1 -c10, upper quartile of ${ROUNDS} runs`,
      baseline: `${FEW} of ${FEW} endpoints: ${theirs.toFixed(0)}/s`,
      ours: `${ours.toFixed(0)}/s`,
      value: ours / theirs,
      goal: 0.95,
      unit: "x",
      atLeast: true,
    },
    {
      measure: "the same: server CPU per call, median",
      baseline: `${FEW} of ${FEW} endpoints: ${theirCpu.toFixed(0)} us`,
      ours: `${ourCpu.toFixed(0)} us`,
      value: ourCpu / theirCpu,
      goal: 1.05,
      unit: "x",
    },
  ];
}

interface Run {
  /** Calls per second. */
  readonly rate: number;
  /** CPU time of the server per call. */
  readonly cpuMicros: number;
}

/** Runs wrk, and `other` twenty times per second meanwhile. */
async function load(bench: EndpointsServer, other: () => Promise<string>): Promise<Run> {
  const script = join(bench.data, "loaded.lua");
  await writeFile(
    script,
    `local n = 0\nrequest = function()\n  n = (n + 1) % ${LOADED}\n  return wrk.format("GET", "/${bench.org}/e" .. n)\nend\n`,
  );
  const wrk = spawn("wrk", ["-t1", "-c10", `-d${WRK_SECONDS}s`, "-s", script, bench.url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  wrk.stdout.setEncoding("utf8").on("data", (piece) => (text += piece));
  let running = true;
  const ended = once(wrk, "close").finally(() => (running = false));
  const before = await usage(bench.pid);
  while (running) await Promise.all([other(), Promise.race([delay(50), ended])]);
  const used = (await usage(bench.pid)).cpuSeconds - before.cpuSeconds;
  const rate = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]);
  const count = Number(/(\d+) requests in/.exec(text)?.[1]);
  if (!rate || /Non-2xx|Socket errors/.test(text)) throw new Error(`wrk: ${text}`);
  return { rate, cpuMicros: (used / count) * 1e6 };
}

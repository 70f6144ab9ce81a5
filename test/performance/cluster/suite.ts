/**
 * `npm run performance:suite`: runs the original system's experiments on the cluster, with faas and with the rebuild of the original in turns, and writes
 * docs/original-experiments.md with its charts. Needs the same environment as `npm run performance:cluster`.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import {
  charts,
  drawSvg,
  formatMs,
  LIGHT,
  type NamedRun,
  type ReplicaSample,
  type ResultRun,
  resultOf,
  runClosedLoop,
} from "@faas/bench";
import { Bench } from "./bench.ts";
import { Seed } from "./seed.ts";

const docs = join(import.meta.dirname, "../../../docs");
const pictures = "original-experiments";
const BODY = '{"size":100}';
const SAMPLE_MS = 250;
const HEIGHT = 420;

/** Experiments, with the names that `faas bench --suite original` uses. */
const EXPERIMENTS = [
  { name: "one replica, 10 x 30", iterations: 30, autoscale: false },
  { name: "one replica, 10 x 50", iterations: 50, autoscale: false },
  { name: "autoscaling, 10 x 50", iterations: 50, autoscale: true },
  { name: "autoscaling when warm, 10 x 50", iterations: 50, autoscale: true },
];

await using bench = await Bench.start();
const measured = await measureOurs();
const theirs = [...(await measureSeed(false)), ...(await measureSeed(true))];
await write(measured, resultOf(theirs, new Date()).runs);

async function measureOurs(): Promise<readonly ResultRun[]> {
  process.stderr.write("faas\n");
  const demo = join(import.meta.dirname, "../../../templates/python/demo-invert");
  await bench.faas("deploy", demo, "--org", bench.org, "--endpoint", "invert");
  const dir = join(bench.folder, "report");
  await bench.faas("bench", "--suite", "original", `${bench.org}/invert`, "--data", BODY, "--report", dir);
  return JSON.parse(await readFile(join(dir, "result.json"), "utf8")).runs;
}

async function measureSeed(autoscale: boolean): Promise<NamedRun[]> {
  process.stderr.write(`the original, ${autoscale ? "with" : "without"} autoscaling\n`);
  await using seed = await Seed.start(bench, { autoscale });
  const runs: NamedRun[] = [];
  for (const { name, iterations } of EXPERIMENTS.filter((each) => each.autoscale === autoscale)) {
    const replicas: ReplicaSample[] = [];
    const began = performance.now();
    const sample = async () => void replicas.push({ ready: await seed.replicas(), atMs: performance.now() - began });
    await sample();
    const timer = setInterval(() => void sample(), SAMPLE_MS);
    const call = { url: seed.invert, method: "POST", headers: { "content-type": "application/json" }, body: BODY };
    const run = await runClosedLoop({ ...call, threads: 10, iterations }).finally(() => clearInterval(timer));
    runs.push({
      name,
      url: call.url,
      method: "POST",
      load: { kind: "closed", threads: 10, iterations },
      run,
      replicas,
    });
  }
  return runs;
}

async function write(ours: readonly ResultRun[], theirs: readonly ResultRun[]): Promise<void> {
  const dir = join(docs, pictures);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const figures: string[] = [];
  for (const { name, iterations } of EXPERIMENTS) {
    if (iterations !== 50) continue;
    figures.push(`\n## ${name[0]?.toUpperCase()}${name.slice(1)}\n`);
    for (const [who, runs] of [
      ["faas", ours],
      ["the original", theirs],
    ] as const) {
      const run = runs.find((each) => each.name === name) as ResultRun;
      const [overTime, histogram] = charts([{ ...run, name: who }], LIGHT).map((chart) => ({
        ...chart,
        option: { ...chart.option, title: { ...chart.option.title, text: `${chart.title}: ${who}, ${name}` } },
      })) as [ReturnType<typeof charts>[number], ReturnType<typeof charts>[number]];
      const svgs = await drawSvg([overTime, histogram], HEIGHT);
      for (const [i, kind] of ["latency-over-time", "histogram"].entries()) {
        const file = `${name.replaceAll(/[^a-z0-9]+/g, "-")}-${who.replaceAll(" ", "-")}-${kind}.svg`;
        await writeFile(join(dir, file), svgs[i] as string);
        figures.push(`![${kind.replaceAll("-", " ")} of ${who}, ${name}](${pictures}/${file})\n`);
      }
    }
  }
  await writeFile(join(docs, "original-experiments.md"), page(ours, theirs, figures));
}

function page(ours: readonly ResultRun[], theirs: readonly ResultRun[], figures: readonly string[]): string {
  const row = (who: string, { name, summary, replicas }: ResultRun) => {
    const { rate, errors, latencyMs } = summary;
    const failed = Object.values(errors).reduce((sum, count) => sum + count, 0);
    const most = Math.max(...replicas.map(({ ready }) => ready));
    const cells = [latencyMs?.p50, latencyMs?.p90, latencyMs?.p99, latencyMs?.max].map((ms) =>
      ms === undefined ? "" : formatMs(ms),
    );
    return `| ${name} | ${who} | ${rate.toFixed(0)} | ${failed} | ${cells.join(" | ")} | ${most} |\n`;
  };
  const rows = EXPERIMENTS.map(({ name }) =>
    [
      ["faas", ours],
      ["the original", theirs],
    ]
      .map(([who, runs]) =>
        row(who as string, (runs as readonly ResultRun[]).find((run) => run.name === name) as ResultRun),
      )
      .join(""),
  ).join("");
  return `# The original system's experiments

Ten clients repeatedly call a Python function that inverts a 100x100 matrix (numpy, one BLAS thread, CPU limit 100m).
\`faas bench --suite original\` does the same for your own endpoint.
Here it ran with faas and with the rebuild of the original system, one after the other on the same cluster.
This page was written by \`npm run performance:suite\`, ${new Date().toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model}), Node ${process.versions.node}.

| experiment | system | calls per second | failed | p50 | p90 | p99 | max | max replicas |
|---|---|---|---|---|---|---|---|---|
${rows}
Both systems scale by CPU here, with a HorizontalPodAutoscaler.
faas finishes its 500 calls before the autoscaler requests a second replica; \`--scaler concurrency\`, the default, does so in about a second ([scaling.md](scaling.md)).
${figures.join("\n")}`;
}

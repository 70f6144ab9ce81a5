import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildImage, type ImageOptions } from "@faas/builder";
import { median, type Row, ratio, timed } from "../rig/table.ts";
import { type Bench, pullRegistry, registry } from "./bench.ts";

const ROUNDS = 12;
const FIRST_ROUNDS = 3;

type Builder = "registry" | "docker";
type Times = Record<Builder, number[]>;

/** Measures the build and push of an image without an engine, against the same with Docker, in turns. */
export async function images(bench: Bench): Promise<Row[]> {
  const env = { ...process.env, FAAS_CACHE_DIR: join(bench.folder, "cache") };
  const baseRegistry = process.env.FAAS_BASE_REGISTRY || `${registry}/library`;
  const build = (folder: string, builder: Builder, endpoint: string, more: Partial<ImageOptions> = {}) =>
    timed(async () => {
      const target = { push: registry, pull: pullRegistry };
      const code = { uploadCode: async () => {} };
      await buildImage(folder, {
        ...{
          org: bench.org,
          endpoint: `${endpoint}-${builder}`,
          push: true,
          registry: target,
          baseRegistry,
          builder,
          env,
        },
        ...{ ...code, ...more },
      });
    });
  const folder = await bench.source("plain", { "index.mjs": "" });
  const change = () => writeFile(join(folder, "index.mjs"), functionOf(randomBytes(8).toString("hex")));
  await change();
  const unchanged = await inTurns(ROUNDS, (builder) => build(folder, builder, "images"));
  const changed = await inTurns(ROUNDS, async (builder) => {
    await change();
    return build(folder, builder, "images");
  });
  const first = await inTurns(FIRST_ROUNDS, async (builder, round) => {
    // A manifest that no cache knows.
    const id = `first-${builder}-${round}-${randomBytes(4).toString("hex")}`;
    const manifest = JSON.stringify({ name: id, private: true, dependencies: { ms: "2.1.3" } });
    return build(await bench.source(id, { "index.mjs": functionOf(id), "package.json": manifest }), builder, "first");
  });
  return [
    row("an unchanged function", unchanged, 0.5),
    row("a changed line", changed, 0.5),
    row("a new function with a package from npm", first, 1),
  ];
}

const functionOf = (text: string) => `export const handler = () => "${text}";\n`;

const row = (what: string, { registry: ours, docker: theirs }: Times, goal: number): Row =>
  ratio(`build and push of ${what}, \`--builder registry\``, "`--builder docker`", median(ours), median(theirs), goal);

/** Measures with both builders in turns; the first round of several only fills caches. */
async function inTurns(rounds: number, measure: (builder: Builder, round: number) => Promise<number>): Promise<Times> {
  const times: Times = { registry: [], docker: [] };
  for (let round = 0; round <= rounds; round++) {
    for (const builder of ["registry", "docker"] as const) {
      const taken = await measure(builder, round);
      if (round > 0) times[builder].push(taken);
    }
  }
  return times;
}

/**
 * `npm run performance:against -- PATH [PART…] [--rounds N]`: compares this checkout with another one, such as a git worktree of an older commit. Both need
 * a build. Each round measures both, in alternating order or at the same time, so that noise affects them alike. Prints the median of the rounds' ratios per measure: above 1,
 * this checkout is better.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Checkout, checkoutAt, here } from "../rig/local-server.ts";
import { chosenParts } from "../rig/page.ts";
import { median } from "../rig/table.ts";
import type { Measure, Measures, Part, Side } from "./part.ts";
import { parts, TOGETHER } from "./parts.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "7" } },
});
const [path, ...names] = positionals;
const rounds = Number(values.rounds);
if (path === undefined || !Number.isSafeInteger(rounds) || rounds < 1)
  throw new Error("Expected the path of a checkout, and --rounds to be a positive integer");
const other = checkoutAt(resolve(path));
for (const { program } of [here, other])
  if (!existsSync(program) || !existsSync(resolve(program, "../../dist/main.js")))
    throw new Error(`Expected a built checkout: ${program} or its build is missing`);

process.stdout.write("| measure | other | this | ratio |\n|---|---|---|---|\n");
for (const [name, part] of chosenParts(parts, names)) {
  process.stderr.write(`${name} …\n`);
  await compare(part, other, TOGETHER.has(name));
}

async function compare(part: Part, checkout: Checkout, isTogether: boolean): Promise<void> {
  await using theirs = await part(checkout);
  await using ours = await part(here);
  const pairs: Pair[] = [];
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    const pair = isTogether ? await together(theirs, ours) : await inTurns(theirs, ours, round % 2 === 0);
    if (round > 0) pairs.push(pair);
  }
  for (const name of Object.keys(pairs[0]?.ours ?? {})) {
    const of = (side: "ours" | "theirs") => pairs.map((pair) => pair[side][name] as Measure);
    const show = (side: "ours" | "theirs") =>
      format(median(of(side).map(({ value }) => value)), of(side)[0] as Measure);
    const ratio = median(of("ours").map((measure, i) => ratioOf(measure, of("theirs")[i] as Measure)));
    process.stdout.write(`| ${name} | ${show("theirs")} | ${show("ours")} | ${ratio.toFixed(3)} |\n`);
  }
}

interface Pair {
  readonly theirs: Measures;
  readonly ours: Measures;
}

async function together(theirs: Side, ours: Side): Promise<Pair> {
  const [one, other] = await Promise.all([theirs.round(), ours.round()]);
  return { theirs: one, ours: other };
}

async function inTurns(theirs: Side, ours: Side, areTheirsFirst: boolean): Promise<Pair> {
  if (areTheirsFirst) return { theirs: await theirs.round(), ours: await ours.round() };
  const first = await ours.round();
  return { theirs: await theirs.round(), ours: first };
}

function ratioOf(ours: Measure, theirs: Measure): number {
  return ours.higherIsBetter ? ours.value / theirs.value : theirs.value / ours.value;
}

function format(value: number, { unit }: Measure): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ${unit}`;
}

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { tempDir } from "@faas/testing";
import { median, type Row } from "../rig/table.ts";
import type { StateFigures } from "./state-process.ts";

const ENDPOINTS = 10_000;
/** Kept revisions of each endpoint beside the serving one: as many as there are by default. */
const KEPT = 19;
const ROUNDS = 3;

/** Measures the state with kept revisions against the same without them, each in a process of its own. */
export async function keptRevisions(): Promise<Row[]> {
  const folder = tempDir("kept-revisions");
  const sides = { none: join(folder, "none"), kept: join(folder, "kept") };
  await run("write", sides.none, 0);
  await run("write", sides.kept, KEPT);
  const all: { none: StateFigures[]; kept: StateFigures[] } = { none: [], kept: [] };
  for (let round = 0; round < ROUNDS; round++) {
    all.none.push(await run("read", sides.none, 0));
    all.kept.push(await run("read", sides.kept, KEPT));
  }
  const row = (measure: string, unit: string, goal: number, figure: (figures: StateFigures) => number): Row => {
    const [without, value] = [median(all.none.map(figure)), median(all.kept.map(figure))];
    const shown = (number: number) => `${Number(number.toPrecision(3))} ${unit}`;
    return { measure, baseline: `none kept: ${shown(without)}`, ours: shown(value), value, goal, unit };
  };
  const what = `${ENDPOINTS} endpoints with ${KEPT} kept revisions each`;
  return [
    row(`${what}: state.json`, "MB", 40, ({ stateMegabytes }) => stateMegabytes),
    row(`${what}: heap in use`, "MiB", 100, ({ heapMiB }) => heapMiB),
    row(`${what}: resident after the start`, "MiB", 300, ({ residentMiB }) => residentMiB),
    row(`${what}: reading the state`, "ms of CPU", 1500, ({ openMs }) => openMs),
    row(`${what}: first change, which writes the state`, "ms of CPU", 1000, ({ firstChangeMs }) => firstChangeMs),
    row(`${what}: one change`, "ms of CPU", 2, ({ changeMs }) => changeMs),
  ];
}

async function run(mode: "write" | "read", folder: string, kept: number): Promise<StateFigures> {
  const program = join(import.meta.dirname, "state-process.ts");
  const args = ["--expose-gc", "--import", "tsx", program, mode, folder, String(ENDPOINTS), String(kept)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}

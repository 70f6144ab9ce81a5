import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Language } from "@faas/core";
import { eventually } from "@faas/testing";

/** Programs of prewarmed processes. */
const PROGRAMS: Readonly<Record<Language, string>> = {
  node: "prewarmed.mjs",
  typescript: "prewarmed.mjs",
  python: "prewarmed.py",
};

/** State of a prewarmed process: its launcher restricts it, it waits for a function, or it runs one. */
type State = "launching" | "waiting" | "claimed";

/** Finds the prewarmed processes of the platform on a data folder (proc(5)). */
export function prewarmedProcesses(dataDir: string, state: State, language?: Language): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && stateOf(pid, dataDir, language) === state);
}

function stateOf(pid: number, dataDir: string, language?: Language): State | undefined {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, "latin1");
    const [, program] = /\/programs\/(prewarmed\.(?:mjs|py))\0/.exec(command) ?? [];
    if (program === undefined || (language && program !== PROGRAMS[language])) return undefined;
    // Cache or socket are in the data folder, sandboxed or not.
    if (!readFileSync(`/proc/${pid}/environ`, "latin1").includes(`=${dataDir}/`)) return undefined;
    if (command.includes("/launcher.")) return "launching";
    // A claimed process changes to the folder of its function.
    return /\/(?:bundles|live)\//.test(readlinkSync(`/proc/${pid}/cwd`)) ? "claimed" : "waiting";
  } catch {
    return undefined;
  }
}

/** Waits until exactly this number of prewarmed processes waits for a function, and returns their pids. */
export function untilWaiting(count: number, dataDir: string, language?: Language): Promise<number[]> {
  return eventually(`${count} prewarmed processes`, () => {
    const found = prewarmedProcesses(dataDir, "waiting", language);
    return found.length === count && found;
  });
}

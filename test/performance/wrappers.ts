import { existsSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "@faas/testing";
import { baselines, pythonOfBaselines } from "./rig/baselines.ts";
import { Peers, type Served } from "./rig/peers.ts";
import { median, type Row } from "./rig/table.ts";
import { usage } from "./rig/usage.ts";
import { missingPrograms, type WrkRun, wrk } from "./rig/wrk.ts";

const ROUNDS = 5;
const SECONDS = 2;
const CONNECTIONS = 10;

export const NODE = 'export const handler = () => ({ message: "hello" });\n';
export const PLAIN = 'def handler(event, context):\n    return {"message": "hello"}\n';
export const ASYNC = `async ${PLAIN}`;

/** Measures the wrappers alone, with their whole contract, against other servers of the same function. */
export async function wrappers(): Promise<Row[]> {
  if (missingPrograms("wrk").length > 0) return skipped("wrk is not installed: apt-get install wrk");
  if (!existsSync(join(baselines, "peers"))) return skipped(`no baselines at ${baselines}; set FAAS_BASELINES`);
  const folder = tempDir("performance");
  return [...(await nodeRows(folder)), ...(await pythonRows(folder))];
}

function skipped(reason: string): Row[] {
  process.stderr.write(`Skipped the wrappers: ${reason}\n`);
  return [];
}

async function nodeRows(folder: string): Promise<Row[]> {
  await using servers = new Peers(folder);
  const ours = await servers.node(NODE);
  const bare = await servers.start(process.execPath, [join(baselines, "peers/bare-node.mjs")]);
  const framework = await servers.functionsFramework();
  const runs = await inTurns(folder, { ours, bare, framework });
  return [
    ...rows("Node wrapper", runs.ours, "a bare `node:http` server", runs.bare, 0.6),
    ...rows("Node wrapper", runs.ours, "functions-framework-nodejs", runs.framework, 5),
  ];
}

async function pythonRows(folder: string): Promise<Row[]> {
  await using servers = new Peers(folder);
  const interpreter = await pythonOfBaselines();
  const plain = await servers.python("plain", PLAIN, interpreter);
  const async = await servers.python("async", ASYNC, interpreter);
  const flask = await servers.flask();
  const runs = await inTurns(folder, { plain, async, flask });
  return [
    ...rows("Python wrapper, `def`", runs.plain, "Flask", runs.flask, 4),
    ...rows("Python wrapper, `async def`", runs.async, "Flask", runs.flask, 6),
  ];
}

/** Run, with the CPU time of the server per call. */
export interface Run extends WrkRun {
  readonly cpuUs: number;
}

/** Runs each server once per round, so that noise affects all alike; the first round warms up. */
export async function inTurns<Name extends string>(
  folder: string,
  servers: Readonly<Record<Name, Served>>,
): Promise<Record<Name, Run[]>> {
  const names = Object.keys(servers) as Name[];
  const runs = Object.fromEntries(names.map((name) => [name, [] as Run[]])) as Record<Name, Run[]>;
  for (let round = 0; round <= ROUNDS; round++) {
    for (const name of names) {
      const { url, pid } = servers[name];
      const before = await usage(pid);
      const run = await wrk(folder, url, { connections: CONNECTIONS, seconds: SECONDS });
      const after = await usage(pid);
      if (run.errors > 0) throw new Error(`${run.errors} of ${run.requests} calls of ${name} failed`);
      const cpuUs = ((after.cpuSeconds - before.cpuSeconds) * 1e6) / run.requests;
      if (round > 0) runs[name].push({ ...run, cpuUs });
    }
  }
  return runs;
}

/** Makes rows for the calls per second, and per CPU second of the server, which other load on the machine affects less. */
export function rows(what: string, ours: readonly Run[], name: string, theirs: readonly Run[], goal: number): Row[] {
  const row = (measure: string, of: (run: Run) => number): Row => ({
    measure: `${what}: ${measure}`,
    baseline: `${name}: ${median(theirs.map(of)).toFixed(0)}/s`,
    ours: `${median(ours.map(of)).toFixed(0)}/s`,
    value: median(ours.map((run, i) => of(run) / of(theirs[i] as Run))),
    goal,
    unit: "x",
    atLeast: true,
  });
  return [row("calls", ({ rate }) => rate), row("calls per CPU second", ({ cpuUs }) => 1e6 / cpuUs)];
}

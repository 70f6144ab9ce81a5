import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baselines } from "./rig/baselines.ts";
import { Peers, type Served } from "./rig/peers.ts";
import { median, type Row } from "./rig/table.ts";
import { usage } from "./rig/usage.ts";
import { missingPrograms, type WrkRun, wrk } from "./rig/wrk.ts";

const ROUNDS = 5;
const SECONDS = 2;
const CONNECTIONS = 10;

const NODE = 'export const handler = () => ({ message: "hello" });\n';
const PLAIN = 'def handler(event, context):\n    return {"message": "hello"}\n';
const ASYNC = `async ${PLAIN}`;

/** The wrappers alone, with the whole of their contract, against what one would serve the same function with otherwise. */
export async function wrappers(): Promise<Row[]> {
  if (missingPrograms("wrk").length > 0) return without("wrk is not installed: apt-get install wrk");
  if (!existsSync(join(baselines, "peers"))) return without(`no baselines at ${baselines}: FAAS_BASELINES names them`);
  const folder = await mkdtemp(join(tmpdir(), "faas-performance-"));
  try {
    return [...(await nodeRows(folder)), ...(await pythonRows(folder))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function without(reason: string): Row[] {
  process.stderr.write(`The wrappers are left out, ${reason}\n`);
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
  const plain = await servers.python("plain", PLAIN);
  const async = await servers.python("async", ASYNC);
  const flask = await servers.flask();
  const runs = await inTurns(folder, { plain, async, flask });
  return [
    ...rows("Python wrapper, `def`", runs.plain, "Flask", runs.flask, 4),
    ...rows("Python wrapper, `async def`", runs.async, "Flask", runs.flask, 6),
  ];
}

/** A run, and what of the server's CPU a call took. */
interface Run extends WrkRun {
  readonly cpuUs: number;
}

/** Each server once a round, so that noise hits all alike; the first round warms up. */
async function inTurns<Name extends string>(
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

/** Calls per second; and per second of the server's CPU, which what else runs on the machine disturbs less. */
function rows(what: string, ours: readonly Run[], name: string, theirs: readonly Run[], goal: number): Row[] {
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

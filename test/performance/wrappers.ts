import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { baselines, cache, finished, pythonOfBaselines } from "./baselines.ts";
import { freePort } from "./free-port.ts";
import { root } from "./local-server.ts";
import { median, type Row } from "./table.ts";
import { usage } from "./usage.ts";
import { type WrkRun, wrk } from "./wrk.ts";

const ROUNDS = 5;
const SECONDS = 2;
const CONNECTIONS = 10;
const ANSWERS_MS = 60_000;

const NODE = 'export const handler = () => ({ message: "hello" });\n';
const PLAIN = 'def handler(event, context):\n    return {"message": "hello"}\n';
const ASYNC = `async ${PLAIN}`;

/** The wrappers alone, with the whole of their contract, against what one would serve the same function with otherwise. */
export async function wrappers(): Promise<Row[]> {
  if (spawnSync("which", ["wrk"]).status !== 0) return without("wrk is not installed: apt-get install wrk");
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
  await using servers = new Servers(folder);
  const ours = await servers.node("index.mjs", NODE);
  const bare = await servers.start(process.execPath, [join(baselines, "peers/bare-node.mjs")]);
  const framework = await servers.functionsFramework();
  const runs = await inTurns(folder, { ours, bare, framework });
  return [
    ...rows("Node wrapper", runs.ours, "a bare `node:http` server", runs.bare, 0.6),
    ...rows("Node wrapper", runs.ours, "functions-framework-nodejs", runs.framework, 5),
  ];
}

async function pythonRows(folder: string): Promise<Row[]> {
  await using servers = new Servers(folder);
  const plain = await servers.python("plain", PLAIN);
  const async = await servers.python("async", ASYNC);
  const flask = await servers.flask();
  const runs = await inTurns(folder, { plain, async, flask });
  return [
    ...rows("Python wrapper, `def`", runs.plain, "Flask", runs.flask, 4),
    ...rows("Python wrapper, `async def`", runs.async, "Flask", runs.flask, 6),
  ];
}

interface Served {
  readonly url: string;
  readonly pid: number;
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
  return [row("calls", ({ rate }) => rate), row("calls for each second of CPU", ({ cpuUs }) => 1e6 / cpuUs)];
}

/** Servers on ports of their own, ended with this. */
class Servers implements AsyncDisposable {
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Our wrapper for Node with this function. */
  async node(file: string, source: string): Promise<Served> {
    const wrapper = await this.#wrapped("node", "node/.interface.mjs", file, source);
    return this.start(process.execPath, [wrapper]);
  }

  /** Our wrapper for Python with this function, run by the same Python as Flask. */
  async python(name: string, source: string): Promise<Served> {
    const wrapper = await this.#wrapped(name, "python/.interface.py", "main.py", source);
    return this.start(await pythonOfBaselines(), [wrapper]);
  }

  async functionsFramework(): Promise<Served> {
    const bin = join(cache, "node_modules/.bin/functions-framework");
    if (!existsSync(bin)) {
      const args = ["install", "--silent", "--no-audit", "--no-fund", "--prefix", cache];
      await finished("npm", [...args, "@google-cloud/functions-framework@5"]);
    }
    const source = join(baselines, "peers/functions-framework.mjs");
    return this.start(process.execPath, [bin, `--source=${source}`, "--target=peer"]);
  }

  async flask(): Promise<Served> {
    return this.start(await pythonOfBaselines(), [join(baselines, "peers/flask_function.py")]);
  }

  async #wrapped(name: string, wrapper: string, file: string, source: string): Promise<string> {
    const folder = join(this.#folder, name);
    await mkdir(folder);
    await writeFile(join(folder, file), source);
    const path = join(folder, wrapper.split("/").at(-1) as string);
    await cp(join(root, "templates", wrapper), path);
    return path;
  }

  /** A server that takes its port from `PORT`, once it answers. */
  async start(program: string, args: readonly string[]): Promise<Served> {
    const port = await freePort();
    const env = {
      ...process.env,
      PORT: String(port),
      FAAS_CONCURRENCY: "80",
      ACCESS_LOG: "0",
      OPENBLAS_NUM_THREADS: "1",
    };
    const child = spawn(program, args, { env, stdio: "ignore" });
    this.#children.push(child);
    const url = `http://127.0.0.1:${port}/`;
    const deadline = Date.now() + ANSWERS_MS;
    for (;;) {
      const answer = await fetch(url).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok) return { url, pid: child.pid as number };
      if (child.exitCode !== null) throw new Error(`${program} ${args.join(" ")} ended with ${child.exitCode}`);
      if (Date.now() > deadline) throw new Error(`${program} ${args.join(" ")} does not answer at ${url}`);
      await delay(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  }
}

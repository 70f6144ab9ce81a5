/**
 * `npm run demo`: what a newcomer sees first. Every step is a `faas` command, printed before it runs, against a server of its own: a free
 * port, a temporary data folder, and nothing left behind, after Ctrl-C too.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const root = join(import.meta.dirname, "..");
const faas = join(root, "packages/cli/bin/faas.js");
const quick = process.argv.includes("--quick");
const stopped = new AbortController();

async function main(): Promise<number> {
  const data = await mkdtemp(join(tmpdir(), "faas-demo-"));
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopped.abort());
  let server: Server | undefined;
  try {
    title("Start a control server: a free port, a temporary data folder");
    server = await startServer(data);
    await javascript(server);
    if (!quick) await python(server);
    return 0;
  } catch (error) {
    if (stopped.signal.aborted) return 130;
    process.stderr.write(`demo: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  } finally {
    if (server) await run(server, ["down", "--data", data], { quiet: true, always: true }).catch(() => undefined);
    await rm(data, { recursive: true, force: true });
    if (server && !stopped.signal.aborted) next();
  }
}

interface Server {
  readonly url: string;
}

async function startServer(data: string): Promise<Server> {
  const args = ["up", "--port", "0", "--data", data, "--detach"];
  const output = await run(undefined, args);
  const url = /http:\/\/[\w.:[\]-]+/.exec(output)?.[0];
  if (!url) throw new Error(`expected "faas up" to print its URL, got:\n${output}`);
  return { url };
}

async function javascript(server: Server): Promise<void> {
  title("Deploy the inversion of a 100x100 matrix, written in JavaScript");
  await run(server, ["deploy", "templates/node/demo-invert", ...endpoint("invert"), "--idle-timeout", "1s"]);

  title("Call it");
  await run(server, ["invoke", "demo/invert", "--data", '{"size":100}', "--timing"]);

  title("Let it go idle (1 s without a request), and wake it with a call");
  await untilIdle(server, "demo/invert");
  await run(server, ["invoke", "demo/invert", "--data", '{"size":100}', "--timing"]);

  title("Bench it: 10 threads, 30 calls each");
  await bench(server, "demo/invert");
}

async function python(server: Server): Promise<void> {
  title("The same in Python, with numpy");
  try {
    await run(server, ["deploy", "templates/python/demo-invert", ...endpoint("invert-py")]);
  } catch (error) {
    if (stopped.signal.aborted) throw error;
    process.stdout.write("Left out: it needs Python 3.9 or newer with pip, and numpy from pip's package index.\n");
    return;
  }
  await run(server, ["invoke", "demo/invert-py", "--data", '{"size":100}', "--timing"]);
  await bench(server, "demo/invert-py");
}

const endpoint = (name: string) => ["--org", "demo", "--endpoint", name];

function bench(server: Server, name: string): Promise<string> {
  return run(server, ["bench", name, "--threads", "10", "--iterations", "30", "--data", '{"size":100}']);
}

async function untilIdle(server: Server, name: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    const view = JSON.parse(await run(server, ["describe", name, "--output", "json"], { quiet: true }));
    if (view.phase === "idle" && view.replicas.length === 0) return say("It has no replica now.\n");
    await delay(200, undefined, { signal: stopped.signal });
  }
  throw new Error(`${name} was not idle within 30 s`);
}

/** Runs `faas`, shows the command and all that it prints (unless quiet), and gives its stdout. Rejects when it fails. */
function run(
  server: Server | undefined,
  args: string[],
  { quiet = false, always = false }: { quiet?: boolean; always?: boolean } = {},
): Promise<string> {
  if (!quiet) say(`\n$ npx faas ${args.map(quote).join(" ")}\n`);
  const child = spawn(process.execPath, [faas, ...args], {
    cwd: root,
    env: { ...process.env, ...(server ? { FAAS_SERVER: server.url } : {}) },
    stdio: ["ignore", "pipe", quiet ? "ignore" : "inherit"],
    // A process group of its own: Ctrl-C reaches it through us, once. The second one would make it leave things behind.
    detached: true,
  });
  const interrupt = () => void child.kill("SIGINT");
  if (!always) stopped.signal.addEventListener("abort", interrupt);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    output += piece;
    if (!quiet) process.stdout.write(piece);
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      stopped.signal.removeEventListener("abort", interrupt);
      if (!quiet && output !== "" && !output.endsWith("\n")) process.stdout.write("\n");
      if (code === 0) return resolve(output);
      reject(new Error(`"faas ${args[0]}" ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

const quote = (arg: string) => (/^[\w./:=-]+$/.test(arg) ? arg : `'${arg}'`);
const say = (text: string) => void process.stdout.write(text);
const title = (text: string) => say(`\n== ${text}\n`);

function next(): void {
  say(`
== That was it; the server is stopped and its folder removed. Now yours:

npx faas up --detach                                   # a server that stays, on http://127.0.0.1:8887
npx faas init hello --runtime node                     # or typescript, python
npx faas deploy hello
npx faas dev hello                                     # no server needed: reloads on save

README.md has the five-minute tour; ${relative(process.cwd(), join(root, "docs/cli.md"))} has every command.
`);
}

process.exitCode = await main();

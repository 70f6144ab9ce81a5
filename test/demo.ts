/**
 * Demonstrates the main features (`npm run demo`). Each step is a `faas` command, printed before it runs, with a server on a free port and a temporary data
 * folder. Leaves nothing behind, even after Ctrl-C.
 */
import { spawn } from "node:child_process";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { faasProgram, tempDir } from "@faas/testing";

const root = join(import.meta.dirname, "..");
const quick = process.argv.includes("--quick");
const stopped = new AbortController();

async function main(): Promise<number> {
  const data = tempDir("demo");
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stopped.abort());
  let server: Server | undefined;
  try {
    title("Start a control server on a free port, with a temporary data folder");
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

  title("Benchmark it: 10 threads, 30 calls each");
  await bench(server, "demo/invert");
}

async function python(server: Server): Promise<void> {
  title("Do the same in Python, with numpy");
  try {
    await run(server, ["deploy", "templates/python/demo-invert", ...endpoint("invert-py")]);
  } catch (error) {
    if (stopped.signal.aborted) throw error;
    process.stdout.write("Skipped: it needs Python 3.9 or later with pip, and numpy from pip's package index.\n");
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
    if (view.phase === "idle" && view.replicas.length === 0) return write("It has no replica now.\n");
    await delay(200, undefined, { signal: stopped.signal });
  }
  throw new Error(`${name} was not idle within 30 s`);
}

/**
 * Runs `faas` and returns its stdout. Shows the command and its output, unless `quiet`.
 *
 * @throws Error when the exit code is not 0
 */
function run(
  server: Server | undefined,
  args: string[],
  { quiet = false, always = false }: { quiet?: boolean; always?: boolean } = {},
): Promise<string> {
  if (!quiet) write(`\n$ npx faas ${args.map(quote).join(" ")}\n`);
  const child = spawn(process.execPath, [faasProgram, ...args], {
    cwd: root,
    env: { ...process.env, ...(server ? { FAAS_SERVER: server.url } : {}) },
    stdio: ["ignore", "pipe", quiet ? "ignore" : "inherit"],
    // In its own process group, it gets Ctrl-C once, from this process. A second signal would make it leave things behind.
    detached: true,
  });
  const interrupt = () => void child.kill("SIGINT");
  if (!always) stopped.signal.addEventListener("abort", interrupt);
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
    if (!quiet) process.stdout.write(chunk);
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
const write = (text: string) => void process.stdout.write(text);
const title = (text: string) => write(`\n== ${text}\n`);

function next(): void {
  write(`
== Done: the server is stopped, and its folder is removed. Try your own:

npx faas up --detach                                   # a server in the background, on http://127.0.0.1:8887
npx faas init hello --runtime node                     # or typescript, python
npx faas deploy hello
npx faas dev hello                                     # without a server: reloads on save

README.md has a five-minute tour; ${relative(process.cwd(), join(root, "docs/cli.md"))} has every command.
`);
}

process.exitCode = await main();

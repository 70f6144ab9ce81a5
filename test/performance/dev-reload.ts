/**
 * How long from saving a file under `faas dev` to the first answer of the new code: `npx tsx test/performance/dev-reload.ts [reloads] [node|typescript|python]`
 * (after `npm run build`). Prints median, p95 and maximum in milliseconds. Each save is one that an editor makes: a new file renamed over the old one.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

const faas = join(import.meta.dirname, "../../packages/cli/bin/faas.js");
const reloads = Number(process.argv[2] ?? 20);
const runtime = process.argv[3] ?? "node";
const file = { node: "index.mjs", typescript: "index.ts", python: "main.py" }[runtime] ?? "index.mjs";

const folder = await mkdtemp(join(tmpdir(), "faas-dev-reload-"));
const started: ChildProcess[] = [];
try {
  await once(run(["init", ".", "--runtime", runtime, "--name", "reload"]), "exit");
  const dev = run(["dev", ".", "--port", "0"]);
  const url = await firstLine(dev);
  const path = join(folder, file);
  const source = await readFile(path, "utf8");
  const times: number[] = [];
  await answers(url, "world");
  for (let reload = 0; reload < reloads; reload++) {
    const word = `reload-${reload}`;
    await writeFile(`${path}~`, source.replaceAll("world", word));
    const saved = performance.now();
    await rename(`${path}~`, path);
    await answers(url, word);
    times.push(performance.now() - saved);
    // A save in the middle of the quiet time of the one before would be measured with it.
    await delay(100);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => (times[Math.ceil(share * times.length) - 1] as number).toFixed(0);
  console.log(
    `${runtime}: save to first new answer, ${reloads} reloads: median ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`,
  );
} finally {
  for (const child of started) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGINT");
    await once(child, "exit");
  }
  await rm(folder, { recursive: true, force: true });
}

function run(args: string[]): ChildProcess {
  const child = spawn(process.execPath, [faas, ...args], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
  child.stdout.resume();
  started.push(child);
  return child;
}

async function firstLine(child: ChildProcess): Promise<string> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = await once(lines, "line");
  return line;
}

/** Asks until the answer has the word; resolves with that answer. */
async function answers(url: string, word: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await get(url)).includes(word)) {
    if (performance.now() > deadline) throw new Error(`expected an answer with "${word}" within 30 s`);
    await delay(3);
  }
}

function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece) => (text += piece));
      response.on("end", () => resolve(text));
      response.on("error", reject);
    })
      .on("error", reject)
      .end();
  });
}

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Agent, request as httpRequest } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, FaasProcess, type RunningServer } from "@faas/testing";

const INTERVAL_MS = 10;
const HANDLER = "export const handler = ({ method }) => ({ method, pid: process.pid });\n";

/** Calls a function at a fixed rate, in turns over kept-alive and new connections, with GET and POST. */
class Load implements Disposable {
  readonly failures: string[] = [];
  /** Processes of the function that responded. */
  readonly pids = new Set<number>();
  calls = 0;
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #timer: NodeJS.Timeout;
  readonly #pending = new Set<Promise<void>>();

  constructor(url: string) {
    this.#url = url;
    this.#timer = setInterval(() => {
      const call = this.#call(this.calls++).catch((error) => void this.failures.push(String(error)));
      this.#pending.add(call);
      void call.then(() => this.#pending.delete(call));
    }, INTERVAL_MS);
  }

  /** Ends the load; resolves when all calls have ended. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
  }

  async #call(number: number): Promise<void> {
    const method = number % 2 === 0 ? "GET" : "POST";
    const agent = number % 4 < 2 ? this.#agent : false;
    const request = httpRequest(this.#url, { method, agent }).end(method === "POST" ? "body" : undefined);
    const [response] = await once(request, "response");
    const text = (await response.setEncoding("utf8").toArray()).join("");
    if (response.statusCode !== 200) throw new Error(`${response.statusCode} ${text}`);
    this.pids.add((JSON.parse(text) as { pid: number }).pid);
  }

  [Symbol.dispose]() {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }
}

/** Starts a server with a function that is called all the time. */
async function startUnderLoad() {
  const faas = new FaasProcess();
  const server = await faas.up({ args: ["--pool-size", "0"] });
  const { code, stderr } = await faas.deploy("x", { "index.js": HANDLER });
  assert.equal(code, 0, stderr);
  const load = new Load(`${server.url}/acme/x`);
  await eventually("calls are served", () => load.pids.size === 1);
  return {
    faas,
    server,
    load,
    takeoverArguments: ["--pool-size", "0", "--takeover", "--port", new URL(server.url).port],
    async [Symbol.asyncDispose]() {
      load[Symbol.dispose]();
      await faas[Symbol.asyncDispose]();
    },
  };
}

async function exitCode({ child }: RunningServer): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}

test("faas up --takeover replaces a running server without failing a call", async () => {
  await using run = await startUnderLoad();
  const { faas, server, load } = run;
  const successor = await faas.up({ args: run.takeoverArguments });
  assert.equal(successor.url, server.url);
  assert.equal(await exitCode(server), 0);
  await delay(100);
  await load.end();
  assert.deepEqual(load.failures, []);
  assert.equal(load.pids.size, 2);
  // The successor owns the data folder: it accepts changes, and nothing of its predecessor is left.
  assert.match(await faas.succeed(["list"]), /acme\s+x/);
  const second = await faas.deploy("y", { "index.js": HANDLER });
  assert.equal(second.code, 0, second.stderr);
});

test("a server takes its role back when its successor is killed before it is ready", async () => {
  await using run = await startUnderLoad();
  const { faas, server, load } = run;
  const lock = () => readFile(join(faas.data, "lock.json"), "utf8").catch(() => "");
  const successor = faas.start(["up", ...run.takeoverArguments]);
  const hasLock = async () => (await lock()).includes(`"pid":${successor.child.pid},`);
  await eventually("the successor has the data folder", hasLock, { intervalMs: 1 });
  successor.child.kill("SIGKILL");
  // The request waits until a server has the data folder again.
  const second = await faas.deploy("y", { "index.js": HANDLER });
  assert.equal(second.code, 0, second.stderr);
  assert.match(await lock(), new RegExp(`"pid":${server.pid},`));
  await load.end();
  assert.deepEqual(load.failures, []);
});

test("a takeover is completed when the previous server is killed during it, and leaves none of its functions running", async () => {
  await using run = await startUnderLoad();
  const { faas, server, load } = run;
  await load.end();
  const successor = faas.start(["up", ...run.takeoverArguments]);
  const hasLock = async () =>
    (await readFile(join(faas.data, "lock.json"), "utf8").catch(() => "")).includes(`"pid":${successor.child.pid},`);
  await eventually("the successor has the data folder", hasLock, { intervalMs: 1 });
  server.child.kill("SIGKILL");
  await eventually("the successor accepts requests", () => successor.stdout().includes(server.url));
  assert.match(await faas.succeed(["invoke", "acme/x"]), /"pid"/);
  for (const pid of load.pids) await eventually("the function has ended", () => !existsSync(`/proc/${pid}`));
});

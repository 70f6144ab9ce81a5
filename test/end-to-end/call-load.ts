import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { eventually, FaasProcess } from "@faas/testing";

const INTERVAL_MS = 20;
/** Function that responds with its process. */
export const HANDLER = "export const handler = ({ method }) => ({ method, pid: process.pid });\n";

/** Calls a function at a fixed rate, in turns over kept-alive and new connections, with GET and POST. */
class CallLoad implements Disposable {
  readonly failures: string[] = [];
  /** Processes of the function that responded. */
  readonly pids = new Set<number>();
  /** Gateways that passed calls on. */
  readonly gateways = new Set<string>();
  calls = 0;
  readonly #url: string;
  /** Uses its connections in turns, so that none is idle for long: a client may lose a call on an idle connection at the moment when a server closes it. */
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 4, scheduling: "fifo" });
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
    const [, gateway] = /gateway;desc=([^,]+)/.exec(String(response.headers["server-timing"])) ?? [];
    if (gateway !== undefined) this.gateways.add(gateway);
    this.pids.add((JSON.parse(text) as { pid: number }).pid);
  }

  [Symbol.dispose]() {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }
}

/** Starts a server with a function that is called all the time. */
export async function startUnderLoad(...args: readonly string[]) {
  const faas = new FaasProcess();
  const server = await faas.up({ args: ["--pool-size", "0", ...args] });
  const { code, stderr } = await faas.deploy("x", { "index.js": HANDLER });
  assert.equal(code, 0, stderr);
  const load = new CallLoad(`${server.url}/acme/x`);
  await eventually("calls are served", () => load.pids.size === 1);
  return {
    faas,
    server,
    load,
    /** Arguments of `faas up` for a server on the same port. */
    args: ["--pool-size", "0", "--port", new URL(server.url).port, ...args],
    async [Symbol.asyncDispose]() {
      load[Symbol.dispose]();
      await faas[Symbol.asyncDispose]();
    },
  };
}

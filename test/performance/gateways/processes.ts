import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, tempDir } from "@faas/testing";
import { ALWAYS, HELLO } from "../gateway.ts";
import { EndpointsServer } from "../rig/endpoints-server.ts";
import { LocalServer } from "../rig/local-server.ts";
import { childrenOf } from "../rig/processes.ts";
import { median, type Row } from "../rig/table.ts";
import { residentParts, usage } from "../rig/usage.ts";
import { missingPrograms, wrk } from "../rig/wrk.ts";

const ROUNDS = 11;
const SECONDS = 2;
const CONNECTIONS = 10;
/** Time in which a gateway returns the memory that it needed for its first snapshot. */
const SETTLE_MS = 3_000;

/** Measures gateways in processes of their own: what a second one costs for each call, and the memory of one with 10,000 endpoints. */
export async function gatewayProcesses(endpoints = 10_000): Promise<Row[]> {
  return [await secondGateway(), await memoryWith(endpoints)];
}

/** Compares the CPU time of two gateways that share a port with that of one, in turns. */
async function secondGateway(): Promise<Row> {
  if (missingPrograms("wrk").length > 0) throw new Error("Expected wrk to be installed: apt-get install wrk");
  await using one = await GatewayServer.start(1);
  await using two = await GatewayServer.start(2);
  const used = { one: [] as number[], two: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    // The machine may be warmer in the second run.
    const order = round % 2 === 0 ? (["one", "two"] as const) : (["two", "one"] as const);
    for (const name of order) {
      const us = await (name === "one" ? one : two).cpuPerCallUs();
      if (round > 0) used[name].push(us);
    }
  }
  return {
    measure: `CPU of two gateways for a call, ${CONNECTIONS} connections`,
    baseline: `one gateway: ${median(used.one).toFixed(1)} us`,
    ours: `${median(used.two).toFixed(1)} us`,
    value: median(used.two.map((us, i) => us / (used.one[i] as number))),
    goal: 1.05,
    unit: "x",
  };
}

async function memoryWith(endpoints: number): Promise<Row> {
  await using server = new EndpointsServer("many", {}, "--gateways", "1");
  await server.start();
  const source = join(tempDir("gateway-memory"), "source");
  await mkdir(source);
  await writeFile(join(source, "index.mjs"), HELLO);
  await server.deploy(source);
  await server.registerUpTo(endpoints, 32);
  // As after an upgrade or a crash: the process has the endpoints from a snapshot.
  await server.end();
  await server.start();
  const [pid = 0] = await gatewaysOf(server.pid, 1);
  await delay(SETTLE_MS);
  const { residentMiB } = await usage(pid);
  const { anonymousMiB, proportionalMiB } = await residentParts(pid);
  return {
    measure: `memory of a gateway process with ${endpoints} endpoints`,
    baseline: `with its share of what others use too (PSS): ${proportionalMiB.toFixed(0)} MiB; heap, stacks and data: ${anonymousMiB.toFixed(0)} MiB`,
    ours: `${residentMiB.toFixed(0)} MiB`,
    value: residentMiB,
    goal: 60,
    unit: "MiB",
  };
}

/** A server with gateways in processes of their own, and one endpoint. */
class GatewayServer implements AsyncDisposable {
  readonly #server: LocalServer;
  readonly #gateways: readonly number[];

  private constructor(server: LocalServer, gateways: readonly number[]) {
    this.#server = server;
    this.#gateways = gateways;
  }

  static async start(gateways: number): Promise<GatewayServer> {
    const server = await LocalServer.start(["--gateways", String(gateways)]);
    try {
      await server.deploy("hello", "index.mjs", HELLO, ...ALWAYS);
      return new GatewayServer(server, await gatewaysOf(server.pid, gateways));
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Measures the CPU time of all gateways for a call under load, in microseconds. */
  async cpuPerCallUs(): Promise<number> {
    const { url, folder } = this.#server;
    const before = await this.#cpuSeconds();
    const { requests, errors } = await wrk(folder, `${url}/acme/hello`, { connections: CONNECTIONS, seconds: SECONDS });
    if (errors > 0) throw new Error(`${errors} of ${requests} calls failed`);
    return (((await this.#cpuSeconds()) - before) * 1e6) / requests;
  }

  async #cpuSeconds(): Promise<number> {
    const all = await Promise.all(this.#gateways.map(usage));
    return all.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#server[Symbol.asyncDispose]();
  }
}

/** Lists the processes of a server's gateways. */
function gatewaysOf(server: number, count: number): Promise<readonly number[]> {
  return eventually(`${count} gateways`, async () => {
    const gateways: number[] = [];
    for (const pid of await childrenOf(server)) {
      const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
      if (words.includes("gateway")) gateways.push(pid);
    }
    return gateways.length === count && gateways;
  });
}

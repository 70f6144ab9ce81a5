import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createCertificate, tempDir } from "@faas/testing";
import { coldCall, deployFunctions, REFILL_MS } from "../cold-starts.ts";
import { runNode } from "../commands.ts";
import { ALWAYS, ECHO, HELLO } from "../gateway.ts";
import { measureIdle } from "../idle-server.ts";
import { here, LocalServer } from "../rig/local-server.ts";
import { Peers, type Served } from "../rig/peers.ts";
import { median, timed } from "../rig/table.ts";
import { usage } from "../rig/usage.ts";
import { type WrkOptions, type WrkRun, wrk } from "../rig/wrk.ts";
import { ASYNC, NODE, PLAIN } from "../wrappers.ts";
import { type Measure, milliseconds, type Part, part, perSecond } from "./part.ts";

const MIB = 2 ** 20;
const SECONDS = 2;
const SMALL_BODY = { bytes: 1024, type: "application/octet-stream" };
const IDLE_ENDPOINTS = 20;
const IDLE_SECONDS = 10;

/** Repeats work and returns the median of its milliseconds. */
async function medianOf(times: number, work: () => Promise<unknown>): Promise<number> {
  const all: number[] = [];
  for (let i = 0; i < times; i++) all.push(await timed(work));
  return median(all);
}

const commands = part(async (checkout, servers) => {
  const server = servers.use(await LocalServer.start([], checkout));
  // Both sides deploy the same folder.
  const folder = join(here.root, "templates/node/demo-invert");
  const deploy = () => server.faas("deploy", folder, "--org", "acme", "--endpoint", "same");
  await deploy();
  return async () => ({
    "faas --version": milliseconds(await medianOf(9, () => runNode(checkout.program, "--version"))),
    "faas --help": milliseconds(await medianOf(5, () => runNode(checkout.program, "--help"))),
    "faas list": milliseconds(await medianOf(5, () => server.faas("list"))),
    "faas deploy without changes": milliseconds(await medianOf(5, deploy)),
  });
});

const coldStarts = part(async (checkout, servers) => {
  const bare = servers.use(await LocalServer.start(["--pool-size", "0"], checkout));
  const pooled = servers.use(await LocalServer.start(["--pool-size", "1"], checkout));
  for (const server of [bare, pooled]) await deployFunctions(server);
  const cold = async (server: LocalServer, endpoint: string) => {
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      await delay(REFILL_MS);
      times.push(await coldCall(server, endpoint));
    }
    return milliseconds(median(times));
  };
  return async () => ({
    "cold start, Node, new process": await cold(bare, "node"),
    "cold start, Python, new process": await cold(bare, "python"),
    "cold start, Node, prewarmed process": await cold(pooled, "node"),
    "cold start, Python, prewarmed process": await cold(pooled, "python"),
  });
});

/** Starts a new server each round: memory differs more between servers than within one. */
const idleServer = part(async (checkout) => async () => {
  await using server = await LocalServer.start([], checkout);
  const { cpuSeconds, residentMiB } = await measureIdle(server, IDLE_ENDPOINTS, IDLE_SECONDS);
  return {
    [`idle server, ${IDLE_ENDPOINTS} endpoints: memory`]: { value: residentMiB, unit: "MiB" },
    [`idle server: CPU over ${IDLE_SECONDS} s`]: milliseconds(cpuSeconds * 1000),
  };
});

/** Runs wrk, and measures the CPU time of the server per call. */
async function load(folder: string, { url, pid }: Served, options: WrkOptions): Promise<WrkRun & { cpuUs: number }> {
  const before = await usage(pid);
  const run = await wrk(folder, url, options);
  const used = (await usage(pid)).cpuSeconds - before.cpuSeconds;
  if (run.errors > 0) throw new Error(`${run.errors} of ${run.requests} calls of ${url} failed`);
  return { ...run, cpuUs: (used * 1e6) / run.requests };
}

const gateway = part(async (checkout, servers) => {
  const server = servers.use(await LocalServer.start([], checkout));
  await server.deploy("hello", "index.mjs", HELLO, ...ALWAYS);
  await server.deploy("echo", "index.mjs", ECHO, ...ALWAYS);
  const target = (endpoint: string): Served => ({ url: `${server.url}/acme/${endpoint}`, pid: server.pid });
  const body = { bytes: MIB, type: "application/octet-stream" };
  return async () => {
    const ten = await load(server.folder, target("hello"), { connections: 10, seconds: SECONDS });
    const one = await load(server.folder, target("hello"), { connections: 1, seconds: SECONDS });
    const many = await load(server.folder, target("hello"), { connections: 1_000, seconds: SECONDS });
    const large = await load(server.folder, target("echo"), { connections: 10, seconds: SECONDS, body });
    const small = await load(server.folder, target("echo"), { connections: 10, seconds: SECONDS, body: SMALL_BODY });
    return {
      "gateway, 10 connections: calls": perSecond(ten.rate),
      "gateway, 10 connections: calls per CPU second": perSecond(1e6 / ten.cpuUs),
      "gateway, 1 connection: p50": milliseconds(one.p50Us / 1000),
      "gateway, 1,000 connections: calls": perSecond(many.rate),
      "gateway, 1,000 connections: p99": milliseconds(many.p99Us / 1000),
      "gateway, POST of 1 KiB: calls per CPU second": perSecond(1e6 / small.cpuUs),
      "gateway, 1 MiB bodies": { value: large.bytesRate / MIB, unit: "MiB/s", higherIsBetter: true },
      "gateway, 1 MiB bodies: calls per CPU second": perSecond(1e6 / large.cpuUs),
    };
  };
});

const tls = part(async (checkout, servers) => {
  const { cert, key } = createCertificate(tempDir("tls"), "server");
  process.env.FAAS_CA = cert;
  servers.defer(() => {
    delete process.env.FAAS_CA;
  });
  const server = servers.use(await LocalServer.start(["--tls-cert", cert, "--tls-key", key], checkout));
  await server.deploy("hello", "index.mjs", HELLO, ...ALWAYS);
  return async () => {
    const target = { url: `${server.url}/acme/hello`, pid: server.pid };
    const { rate, cpuUs } = await load(server.folder, target, { connections: 10, seconds: SECONDS });
    return {
      "gateway, HTTPS, 10 connections: calls": perSecond(rate),
      "gateway, HTTPS, 10 connections: calls per CPU second": perSecond(1e6 / cpuUs),
    };
  };
});

/** Starts new processes each round: their speed differs more between two of them than within one. */
const wrappers = part(async (checkout) => async () => {
  const folder = tempDir("against");
  await using peers = new Peers(folder, checkout);
  const python = process.env.FAAS_PYTHON ?? "python3";
  const served: Readonly<Record<string, Served>> = {
    "Node wrapper": await peers.node(NODE),
    "Python wrapper, `def`": await peers.python("plain", PLAIN, python),
    "Python wrapper, `async def`": await peers.python("async", ASYNC, python),
  };
  const measures: Record<string, Measure> = {};
  for (const [name, target] of Object.entries(served)) {
    await load(folder, target, { connections: 10, seconds: 1 });
    const { rate, cpuUs } = await load(folder, target, { connections: 10, seconds: SECONDS });
    measures[`${name}: calls`] = perSecond(rate);
    measures[`${name}: calls per CPU second`] = perSecond(1e6 / cpuUs);
  }
  return measures;
});

/** Parts whose sides are measured at the same time: they use little of the machine, whose speed changes within a round. */
export const TOGETHER: ReadonlySet<string> = new Set(["idle-server", "wrappers"]);

/** Parts by name; the names are those of `npm run performance`. */
export const parts: Readonly<Record<string, Part>> = {
  commands,
  "cold-starts": coldStarts,
  "idle-server": idleServer,
  gateway,
  tls,
  wrappers,
};

import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { eventually, tempDir } from "@faas/testing";
import { EndpointsServer } from "./rig/endpoints-server.ts";
import { SimulatedApi } from "./rig/simulated-api.ts";
import { median, type Row, ratio, timed } from "./rig/table.ts";

const FEW = 10;
const EACH = 200;
const QUIET_MS = 20_000;
const IMAGE = `localhost:5000/simulated/hello@sha256:${"0".repeat(64)}`;

/** Control server with a simulated API of its own. */
class Side implements AsyncDisposable {
  readonly api: SimulatedApi;
  readonly server: EndpointsServer;

  private constructor(api: SimulatedApi, server: EndpointsServer) {
    this.api = api;
    this.server = server;
  }

  static async start(org: string, folder: string): Promise<Side> {
    const api = await SimulatedApi.start();
    const kubeconfig = join(folder, `${org}.json`);
    const context = { name: "simulated", context: { cluster: "simulated", user: "nobody" } };
    await writeFile(
      kubeconfig,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        "current-context": "simulated",
        clusters: [{ name: "simulated", cluster: { server: api.url, "insecure-skip-tls-verify": true } }],
        users: [{ name: "nobody", user: {} }],
        contexts: [context],
      }),
    );
    const server = new EndpointsServer(org, { KUBECONFIG: kubeconfig }, "--platform", "kubernetes");
    server.image = IMAGE;
    await server.start();
    await server.registerUpTo(FEW, 1);
    return new Side(api, server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.api[Symbol.asyncDispose]();
  }
}

/** Waits until all endpoints are in the cluster, and their events are processed. */
async function untilSettled({ api, server }: Side): Promise<void> {
  await eventually("all endpoints in the cluster", () => api.count("Service") >= server.size, { intervalMs: 100 });
  await delay(2_000);
}

/** Measures endpoints at zero replicas on the Kubernetes platform, with a simulated API: more of them than a test cluster holds. */
export async function simulatedCluster(size = 10_000): Promise<Row[]> {
  const folder = tempDir("simulated");
  await using sides = new AsyncDisposableStack();
  const few = sides.use(await Side.start("few", folder));
  const many = sides.use(await Side.start("many", folder));
  const bulk = await registerMany(many, size);
  const single = await registerSingly(few, many, size);
  return [...single, ...bulk.rows, ...(await restartAndRest(many, size, bulk.usedPerEndpoint, bulk.memory))];
}

/** Registers endpoints up to `size`, and measures the rate and the memory. */
async function registerMany(many: Side, size: number) {
  const before = await many.server.memory();
  const registered = size - many.server.size;
  const seconds = (await timed(() => many.server.registerUpTo(size, 16))) / 1000;
  await untilSettled(many);
  const after = await many.server.memory();
  const rate: Row = {
    measure: `registering ${registered} endpoints with Deployment and Service, 16 at a time`,
    baseline: "",
    ours: `${(registered / seconds).toFixed(0)}/s`,
    value: registered / seconds,
    goal: 100,
    unit: "/s",
    atLeast: true,
  };
  const usedPerEndpoint = (after.used - before.used) / registered;
  const resident = (after.resident - before.resident) / registered;
  return {
    rows: [rate],
    usedPerEndpoint,
    memory: `resident: ${kib(resident)} KiB; in use: ${kib(usedPerEndpoint)} KiB`,
  };
}

/** Registers single endpoints in turns on both sides, and compares the time and the bytes of watches. */
async function registerSingly(few: Side, many: Side, size: number): Promise<Row[]> {
  const each = { few: [] as number[], many: [] as number[] };
  const bytes = { few: few.api.watchedBytes, many: many.api.watchedBytes };
  for (let i = 0; i < EACH; i++) {
    each.few.push(await timed(() => few.server.register()));
    each.many.push(await timed(() => many.server.register()));
  }
  const received = {
    few: (few.api.watchedBytes - bytes.few) / EACH,
    many: (many.api.watchedBytes - bytes.many) / EACH,
  };
  return [
    ratio(
      `registering one endpoint with ${size} existing, median of ${EACH}`,
      `${FEW} existing`,
      median(each.many),
      median(each.few),
      1.2,
    ),
    {
      measure: `bytes received by watches per registration, ${size} existing`,
      baseline: `${FEW} existing: ${received.few.toFixed(0)}`,
      ours: received.many.toFixed(0),
      value: received.many / received.few,
      goal: 1.2,
      unit: "x",
    },
  ];
}

/** Restarts the server, and measures the time, the size of the state, and the bytes of watches without changes. */
async function restartAndRest(many: Side, size: number, used: number, memory: string): Promise<Row[]> {
  await many.server.end();
  const restart = await timed(async () => {
    await many.server.start();
    await many.server.register();
  });
  const stateBytes = (await stat(join(many.server.data, "state.json"))).size / many.server.size;
  await untilSettled(many);
  const quiet = many.api.watchedBytes;
  await delay(QUIET_MS);
  const idle = many.api.watchedBytes - quiet;
  return [
    {
      measure: `server memory per endpoint, ${size} at zero replicas, excluding state`,
      baseline: `state: ${kib(stateBytes)} KiB; ${memory}`,
      ours: `${kib(used - stateBytes)} KiB`,
      value: (used - stateBytes) / 1024,
      goal: 4,
      unit: "KiB",
    },
    {
      measure: `restart until a registration is accepted, ${size} endpoints`,
      baseline: "",
      ours: `${restart.toFixed(0)} ms`,
      value: restart,
      goal: 3000,
      unit: "ms",
    },
    {
      measure: `bytes received by watches in ${QUIET_MS / 1000} s without changes, ${size} endpoints`,
      baseline: "",
      ours: String(idle),
      value: idle,
      goal: 0,
      unit: "bytes",
    },
  ];
}

const kib = (value: number) => (value / 1024).toFixed(2);

import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { buildImage } from "@faas/builder";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { median, percentile, type Row, ratio, timed } from "../rig/table.ts";
import { type Bench, pullRegistry, registry } from "./bench.ts";
import { WITHOUT_POOL } from "./pool.ts";

const ROUNDS = 20;
const NAMESPACE = "faas-performance-floor";
const SELECTOR = "app=floor";

/** Measures cold starts in new pods against the lower bound of Kubernetes: a bare Node server in a plain Deployment without a CPU limit. */
export async function coldStarts(bench: Bench): Promise<Row[]> {
  const node = await bench.source("cold-node", {
    "index.mjs": 'export const handler = () => ({ message: "hello" });\n',
  });
  const python = await bench.source("cold-python", {
    "main.py": 'def handler(event, context):\n    return {"message": "hello"}\n',
  });
  for (const [endpoint, dir] of [
    ["cold-node", node],
    ["cold-python", python],
  ] as const)
    await bench.faas(
      "deploy",
      dir,
      "--org",
      bench.org,
      "--endpoint",
      endpoint,
      "--idle-timeout",
      "100ms",
      ...WITHOUT_POOL,
    );
  const times = { floor: [] as number[], node: [] as number[], python: [] as number[] };
  await makeFloor(bench);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      times.floor.push(await floor(bench));
      times.node.push(await bench.coldCall("cold-node"));
      times.python.push(await bench.coldCall("cold-python"));
    }
  } finally {
    await bench.api.delete("Namespace", undefined, NAMESPACE);
  }
  const rows = (language: "node" | "python", name: string) =>
    (
      [
        ["median", median],
        ["p95", (values: number[]) => percentile(values, 0.95)],
      ] as const
    ).map(([what, of]) =>
      ratio(
        `cold start of a ${name} function on Kubernetes, limit 100m, ${what} of ${ROUNDS}`,
        "lower bound: a bare Node pod without a limit",
        of(times[language]),
        of(times.floor),
        1.2,
      ),
    );
  return [...rows("node", "Node"), ...rows("python", "Python")];
}

interface Pod extends KubernetesObject {
  readonly status?: { readonly podIP?: string };
}

async function makeFloor(bench: Bench): Promise<void> {
  const { api } = bench;
  await api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  const container = { name: "floor", image: await floorImage(bench), command: ["node", "/app/server.cjs"] };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "floor", namespace: NAMESPACE },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "floor" } },
      template: {
        metadata: { labels: { app: "floor" } },
        spec: { terminationGracePeriodSeconds: 1, containers: [container] },
      },
    },
  };
  await api.apply(deployment);
}

/** Builds an image with a bare `node:http` server on port 8080. */
async function floorImage(bench: Bench): Promise<string> {
  const dir = await bench.source("floor", {
    "server.cjs": 'require("node:http").createServer((request, response) => response.end("{}")).listen(8080);\n',
    Dockerfile: "FROM node:24-slim\nWORKDIR /app\nCOPY server.cjs .\n",
  });
  const { reference } = await buildImage(dir, {
    ...{ org: "faas-performance", endpoint: "floor", runtime: "dockerfile" },
    registry: { push: registry, pull: pullRegistry },
    push: true,
  });
  return reference;
}

/** Scales through the API, and measures until a connection to the pod's address succeeds, tried every 5 ms. */
async function floor(bench: Bench): Promise<number> {
  await bench.untilGone(NAMESPACE, SELECTOR);
  const took = await timed(async () => {
    await bench.scale(NAMESPACE, "floor", 1);
    for (;;) {
      const [pod] = await bench.api.list<Pod>("Pod", NAMESPACE, SELECTOR);
      const host = pod?.status?.podIP;
      if (host && (await connects(host))) return;
      await delay(5);
    }
  });
  await bench.scale(NAMESPACE, "floor", 0);
  return took;
}

function connects(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: 8080, timeout: 100 });
    const settle = (is: boolean) => {
      socket.destroy();
      resolve(is);
    };
    socket.once("connect", () => settle(true));
    socket.once("timeout", () => settle(false));
    socket.once("error", () => settle(false));
  });
}

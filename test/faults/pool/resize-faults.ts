import assert from "node:assert/strict";
import { type EndpointView, parseCpu } from "@faas/core";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { eventually } from "@faas/testing";
import type { V1Node, V1ResourceQuota } from "@kubernetes/client-node";
import { Executions } from "../executions.ts";
import { IDEMPOTENT, Load, POST, printFailures } from "../load.ts";
import type { FaultOptions, FaultRow } from "../part.ts";
import { Served } from "../served.ts";
import type { PoolFault } from "./pool-fault.ts";
import { counterOf, lastingDifferences, type Pod } from "./warm-organization.ts";

const CLIENTS = 6;
const CPU_MILLIS = 200;
const ROUNDS = 2;
/** CPU requests per limit. */
const REQUEST_RATIO = 1 / 4;
/** Room in a quota that suffices for another replica, also with the CPU limit of its start, and for no further rise of the present one. */
const REPLICA_MILLIS = 1_100;
/** Room in a quota for the first rises of a replica, and not for all that its settings allow. */
const RISE_MILLIS = 3_500;

/** Function that uses 20 ms of CPU per call, and responds as that of {@link Load} does. */
const BUSY_FUNCTION = `export const handler = async ({ method, headers }) => {
  const id = headers["x-call"] ?? "";
  if (method === "POST" && process.env.COUNTER) await fetch(process.env.COUNTER + "/" + id);
  const end = process.cpuUsage().user + 20_000;
  while (process.cpuUsage().user < end);
  return id + " " + (process.env.NAME ?? "");
};
`;

/** CPU of all pods in the organization's namespace. */
interface Used {
  readonly requestMillis: number;
  readonly limitMillis: number;
}

/** A reason why a pod does not get the CPU that load needs. */
interface Refusal {
  readonly name: string;
  readonly what: string;
  /** Words of the reason that the API has to report. */
  readonly reason: RegExp;
  maxMillis(allocatableMillis: number): number;
  /** Returns an object that forbids it; absent: the node has no room. */
  object?(used: Used): KubernetesObject;
  /** Returns the object after the refusal: smaller rises before may have used the room that another replica needs. Absent: the same. */
  refused?(used: Used): KubernetesObject;
}

const quota = (hard: Readonly<Record<string, string>>) =>
  ({ apiVersion: "v1", kind: "ResourceQuota", spec: { hard } }) as KubernetesObject;

const refusals: readonly Refusal[] = [
  {
    name: "resize-requests-quota",
    what: "a ResourceQuota refuses the CPU request of a resize",
    reason: /exceeded quota: faults/,
    maxMillis: () => 4_000,
    object: ({ requestMillis }) => quota({ "requests.cpu": `${requestMillis + 150}m` }),
  },
  {
    name: "resize-limits-quota",
    what: "a ResourceQuota refuses the CPU limit of a resize",
    reason: /exceeded quota: faults/,
    maxMillis: () => 6_000,
    object: ({ limitMillis }) => quota({ "limits.cpu": `${limitMillis + RISE_MILLIS}m` }),
    refused: ({ limitMillis }) =>
      quota({ "limits.cpu": `${Math.max(CPU_MILLIS + RISE_MILLIS, limitMillis + REPLICA_MILLIS)}m` }),
  },
  {
    name: "resize-limit-range",
    what: "a LimitRange refuses the CPU limit of a resize",
    reason: /maximum cpu usage/,
    maxMillis: () => 4_000,
    object: () =>
      ({
        ...{ apiVersion: "v1", kind: "LimitRange" },
        spec: { limits: [{ type: "Container", max: { cpu: "1500m" } }] },
      }) as KubernetesObject,
  },
  {
    name: "resize-deferred",
    what: "the node has no room for a resize now (`PodResizePending`, `Deferred`)",
    reason: /Deferred/,
    maxMillis: (allocatableMillis) => (allocatableMillis - 10) / REQUEST_RATIO,
  },
  {
    name: "resize-infeasible",
    what: "the node can never have room for a resize (`Infeasible`)",
    reason: /enough allocatable resources: cpu|Infeasible/,
    maxMillis: (allocatableMillis) => (allocatableMillis + 100) / REQUEST_RATIO,
  },
];

/** A resize is refused: the endpoint serves on, the API says why, replicas are added, and the resize follows when it is possible. */
export const resizeFaults: readonly PoolFault[] = refusals.map((refusal) => ({
  name: refusal.name,
  run: async (options) => [await refuse(refusal, options)],
}));

async function refuse(refusal: Refusal, { long, print }: FaultOptions): Promise<FaultRow> {
  await using executions = await Executions.start();
  await using served = await Served.start("kubernetes");
  const artifact = await served.artifact(BUSY_FUNCTION);
  const [node] = (await served.api.call<{ items: V1Node[] }>("GET", "/api/v1/nodes")).items;
  const allocatableMillis = parseCpu(node?.status?.allocatable?.cpu ?? "") ?? 0;
  const rounds = long ? ROUNDS : 1;
  let [calls, lost] = [0, 0];
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const name = `busy-${round}`;
    await served.deploy(name, artifact, {
      ...{ cpu: `${CPU_MILLIS}m`, cpuMax: `${refusal.maxMillis(allocatableMillis)}m` },
      ...{ replicas: 1, maxReplicas: 3, idleTimeout: "never", env: { NAME: name, COUNTER: counterOf(executions) } },
    });
    await served.until(name, "at its own limit", ({ replicas }) => replicas[0]?.cpuMillis === CPU_MILLIS);
    const object = await forbid(refusal, served);
    const load = new Load(`${served.url}/${served.org}/${name}`, [...IDEMPOTENT, ...POST], CLIENTS);
    const found: string[] = [];
    try {
      times.push(await underLoad(refusal, served, name, object));
    } catch (error) {
      found.push((error as Error).message, ...causeOf(error));
    } finally {
      await load.stop();
    }
    printFailures(load.failures, print);
    const twice = [...executions.counts.values()].filter((count) => count > 1).length;
    if (twice > 0) found.push(`${twice} POST executed more than once`);
    executions.counts.clear();
    const calm = served.until(name, "at its own limit again", isCalm);
    found.push(
      ...(await calm.then(
        () => [],
        (error: Error) => [error.message, ...causeOf(error)],
      )),
    );
    found.push(...(await lastingDifferences(served, [name])));
    await served.send("DELETE", `/-/orgs/${served.org}/endpoints/${name}`);
    for (const line of found) print(`${refusal.name}, round ${round}: ${line}`);
    calls += load.calls;
    lost += load.failures.length + found.length;
  }
  return {
    what: refusal.what,
    faults: rounds,
    tried: calls,
    of: "calls",
    lost,
    ...(times.length > 0
      ? { seen: `said, and a second replica added, after at most ${(Math.max(...times) / 1000).toFixed(1)} s` }
      : {}),
  };
}

const isCalm: Parameters<Served["until"]>[2] = ({ replicas, cpuPending }) =>
  cpuPending === undefined && replicas.every(({ cpuMillis }) => cpuMillis === CPU_MILLIS);

const causeOf = (error: unknown) => ((error as Error).cause ? [String((error as Error).cause)] : []);

const metadataIn = ({ org }: Served) => ({ name: "faults", namespace: `faas-${org}` });

/** Creates the object that forbids the resize, if there is one, and waits until it is in force. */
async function forbid({ object: objectFor }: Refusal, served: Served): Promise<KubernetesObject | undefined> {
  if (objectFor === undefined) return undefined;
  const metadata = metadataIn(served);
  const object = { ...objectFor(await usedBy(served)), metadata };
  await served.api.apply(object);
  await eventually("the quota counts what is used", async () => {
    if (object.kind !== "ResourceQuota") return true;
    const quotas = await served.api.list<V1ResourceQuota & KubernetesObject>("ResourceQuota", metadata.namespace, "");
    return quotas.find((each) => each.metadata?.name === metadata.name)?.status?.used !== undefined;
  });
  return object;
}

/** Waits until the refusal is reported and a replica was added, ends it, and waits for the resize; returns the milliseconds of the first part. */
async function underLoad(
  refusal: Refusal,
  served: Served,
  name: string,
  object: KubernetesObject | undefined,
): Promise<number> {
  const beganMs = performance.now();
  try {
    const { cpuPending } = await served.until(name, "said to lack CPU", (view) => view.cpuPending !== undefined);
    assert.match(cpuPending ?? "", refusal.reason);
    if (refusal.refused)
      await served.api.apply({ ...refusal.refused(await usedBy(served)), metadata: metadataIn(served) });
    await served.until(
      name,
      "served by two replicas",
      ({ replicas }) => replicas.filter(({ ready }) => ready).length > 1,
    );
  } finally {
    if (object)
      await served.api.delete(object.kind as "ResourceQuota" | "LimitRange", object.metadata?.namespace, "faults");
  }
  const tookMs = performance.now() - beganMs;
  // The node may have no room for it either.
  const isOver = ({ cpuPending = "" }: EndpointView) => !refusal.reason.test(cpuPending);
  if (object) await served.until(name, "no longer said to be refused", isOver);
  return tookMs;
}

async function usedBy({ api, org }: Served): Promise<Used> {
  const pods = await api.list<Pod>("Pod", `faas-${org}`, "");
  const sum = (which: "requests" | "limits") =>
    pods
      .flatMap(({ spec }) => spec?.containers ?? [])
      .reduce((all, { resources }) => all + (parseCpu(resources?.[which]?.cpu ?? "") ?? 0), 0);
  return { requestMillis: sum("requests"), limitMillis: sum("limits") };
}

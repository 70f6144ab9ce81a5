import assert from "node:assert/strict";
import type { Artifact, Language, SettingsInput } from "@faas/core";
import type { V1Pod } from "@kubernetes/client-node";
import { type ClusterServer, SOURCE_FILES } from "./cluster-server.ts";
import { eventually, eventuallyHolds } from "./eventually.ts";

/** Endpoints without replicas, for which a pod waits. */

const WARM = "faas/warm";

export type Pod = V1Pod & { readonly kind: "Pod" };

/** Functions that tell what they see of their pod. */
export const HELLO: Readonly<Record<Language, string>> = {
  node: 'export const handler = () => ({ dir: import.meta.dirname, user: process.env.GREETING, warm: process.env.FAAS_WARM ?? "" });',
  typescript:
    'export const handler = (): object => ({ dir: import.meta.dirname, user: process.env.GREETING, warm: process.env.FAAS_WARM ?? "" });',
  python: [
    "import os",
    "def handler(event, context):",
    '    return {"dir": os.path.dirname(__file__), "user": os.environ.get("GREETING"), "warm": os.environ.get("FAAS_WARM", "")}',
  ].join("\n"),
};

/** Builds an image, and uploads the code for warm pods. */
export async function build(on: ClusterServer, org: string, source: string, language: Language): Promise<Artifact> {
  return on.instance.imageOf(
    { [SOURCE_FILES[language]]: source },
    {
      org,
      uploadCode: async ({ digest, tar }) => {
        const headers = { "content-type": "application/x-tar" };
        const url = `${on.url}/-/bundles/${digest}?org=${org}`;
        const { status } = await fetch(url, { method: "PUT", headers, body: new Uint8Array(tar) });
        assert.ok(status < 300, `the upload was answered with ${status}`);
      },
    },
  );
}

/** Deploys an endpoint that soon has no replica, and waits for its warm pod. */
export async function serveCold(
  on: ClusterServer,
  source: string,
  language: Language = "node",
  settings: SettingsInput = {},
) {
  const org = on.org();
  const key = `${org}/hello`;
  await on.serve(key, await build(on, org, source, language), { runtime: language, idleTimeout: "1s", ...settings });
  await untilCold(on, key);
  return { org, key, pod: await untilWaiting(on, org) };
}

export const untilCold = (on: ClusterServer, key: string) =>
  eventuallyHolds(
    "the endpoint has no pod",
    () => on.pods(key),
    (pods) => pods.length === 0,
  );

export const listWaiting = (on: ClusterServer, org: string) => on.api.list<Pod>("Pod", `faas-${org}`, WARM);

/** Time after which the control server knows of a change, too. */
const KNOWN_MS = 1_000;

/** Returns true for a pod that has been ready for a while, by the cluster's own time of that. */
const isReady = ({ status, metadata }: V1Pod) => {
  const ready = status?.conditions?.find(({ type, status: value }) => type === "Ready" && value === "True");
  const sinceMs = new Date(ready?.lastTransitionTime ?? Number.POSITIVE_INFINITY).getTime();
  return metadata?.deletionTimestamp === undefined && Date.now() - sinceMs > KNOWN_MS;
};

/** Returns the name of the replica that answered. */
export const replicaOf = ({ headers }: Response): string | undefined =>
  /replica;desc=([^,]+)/.exec(headers.get("server-timing") ?? "")?.[1];

/** Returns the name of a warm pod that waits, other than one. */
export const findWaiting = async (on: ClusterServer, org: string, other = ""): Promise<string | undefined> =>
  (await listWaiting(on, org))
    .filter(isReady)
    .map(({ metadata }) => metadata?.name ?? "")
    .find((name) => name !== other);

export const untilWaiting = (on: ClusterServer, org: string, other?: string): Promise<string> =>
  eventually("a warm pod waits", () => findWaiting(on, org, other));

/** Waits until a pod is the only one of the endpoint, and belongs to its ReplicaSet; returns the name of that. */
export async function untilHandedOver(on: ClusterServer, key: string, pod: string): Promise<string> {
  const ownerOf = ({ metadata }: V1Pod) => metadata?.ownerReferences?.[0]?.name ?? "";
  const [adopted] = await eventuallyHolds(
    "the pod is the only one of the endpoint's ReplicaSet",
    () => on.pods(key),
    ([first, ...others]) => first?.metadata?.name === pod && ownerOf(first).startsWith("hello-") && others.length === 0,
  );
  return ownerOf(adopted as V1Pod);
}

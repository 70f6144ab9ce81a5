import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointSpec } from "@faas/core";
import type { V1Node } from "@kubernetes/client-node";
import { nodePlatforms } from "./node-platforms.ts";
import { nodeAffinity } from "./reconcile/manifests/node-affinity.ts";

const node = (operatingSystem: string, architecture: string) =>
  ({ status: { nodeInfo: { operatingSystem, architecture } } }) as V1Node;

const read = (nodes: V1Node[] | Error) => {
  const list = async () => {
    if (nodes instanceof Error) throw nodes;
    return nodes as never;
  };
  return nodePlatforms({ list }, new AbortController().signal)();
};

test("a cluster's platforms are those of its Linux nodes, each once", async () => {
  const nodes = [node("linux", "arm64"), node("linux", "amd64"), node("linux", "arm64"), node("windows", "amd64")];
  assert.deepEqual(await read(nodes), ["linux/amd64", "linux/arm64"]);
  assert.deepEqual(await read(new Error("forbidden")), ["linux/amd64"]);
});

test("pods are placed on nodes with one of the image's platforms, and anywhere if those are unknown", () => {
  const specOf = (platforms?: readonly string[]) =>
    ({ artifact: { kind: "image", reference: "x", ...(platforms ? { platforms } : {}) } }) as unknown as EndpointSpec;
  const affinity = nodeAffinity(specOf(["linux/amd64", "linux/arm64"]));
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  assert.deepEqual(
    terms.map(({ matchExpressions = [] }) => matchExpressions.map(({ key, values }) => `${key}=${values}`)),
    [
      ["kubernetes.io/os=linux", "kubernetes.io/arch=amd64"],
      ["kubernetes.io/os=linux", "kubernetes.io/arch=arm64"],
    ],
  );
  assert.equal(nodeAffinity(specOf()), undefined);
});

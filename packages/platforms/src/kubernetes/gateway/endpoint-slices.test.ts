import assert from "node:assert/strict";
import { test } from "node:test";
import { compactSlice, type EndpointSlice, EndpointSlices } from "./endpoint-slices.ts";

const slice = (name: string, endpoint: string, endpoints: EndpointSlice["endpoints"]): EndpointSlice => ({
  metadata: { name, resourceVersion: "1", labels: { "faas/org": "acme", "faas/endpoint": endpoint } },
  ...(endpoints === undefined ? {} : { endpoints }),
});
const pod = (name: string, conditions: { ready?: boolean; terminating?: boolean } = { ready: true }) => ({
  addresses: [`fd00::${name}`],
  conditions,
  targetRef: { name },
});

/** Creates slices, and the list of keys that were reported as changed. */
function setUp() {
  const changed: string[] = [];
  return { slices: new EndpointSlices((key) => void changed.push(key)), changed };
}

test("an endpoint has the pods of all of its slices, each once", () => {
  const { slices } = setUp();
  slices.handler.changed(slice("x-1", "x", [pod("a"), pod("b")]));
  slices.handler.changed(slice("x-2", "x", [pod("b", { ready: false, terminating: true }), pod("c")]));
  slices.handler.changed(slice("y-1", "y", [pod("d")]));
  const pods = slices.podsOf("acme/x").map((each) => [each.pod, each.terminating]);
  assert.deepEqual(pods, [
    ["a", false],
    ["b", true],
    ["c", false],
  ]);
  assert.equal(slices.podsOf("acme/x")[0]?.address, "[fd00::a]:8080");
});

test("a pod without a condition is ready, a terminating one is not", () => {
  const { slices } = setUp();
  slices.handler.changed(slice("x-1", "x", [pod("a", {}), pod("b", { ready: true, terminating: true })]));
  assert.deepEqual(
    slices.podsOf("acme/x").map(({ ready }) => ready),
    [true, false],
  );
});

test("pods are gone with their slice, also when that was deleted while the watch was interrupted", () => {
  const { slices, changed } = setUp();
  slices.handler.listed([slice("x-1", "x", [pod("a")]), slice("y-1", "y", [pod("b")]), slice("z-1", "z", null)]);
  assert.deepEqual(changed, ["acme/x", "acme/y"]);
  slices.handler.listed([slice("y-1", "y", [pod("b")])]);
  assert.deepEqual([slices.podsOf("acme/x"), slices.podsOf("acme/y").length], [[], 1]);
  slices.handler.deleted(slice("y-1", "y", undefined));
  assert.deepEqual([slices.podsOf("acme/y"), [...slices.keys()]], [[], []]);
});

test("a slice without what is not used has the same pods, and the version at which a watch resumes", () => {
  const whole = slice("x-1", "x", [pod("a")]);
  const compact = compactSlice({ ...whole, metadata: { ...whole.metadata, managedFields: [{ manager: "m" }] } });
  assert.equal(JSON.stringify(compact).includes("managedFields"), false);
  assert.equal(compact.metadata?.resourceVersion, "1");
  const { slices } = setUp();
  slices.handler.changed(compact);
  assert.equal(slices.podsOf("acme/x").length, 1);
});

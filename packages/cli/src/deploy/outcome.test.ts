import assert from "node:assert/strict";
import { test } from "node:test";
import { type EndpointPhase, type EndpointView, withDefaults } from "@faas/core";
import { describeServing } from "./outcome.ts";

const view = (phase: EndpointPhase, ready: readonly boolean[], more: Partial<EndpointView> = {}): EndpointView => ({
  org: "acme",
  endpoint: "x",
  url: "http://127.0.0.1/acme/x",
  phase,
  revision: "current",
  image: "bundle@sha256:0",
  settings: withDefaults({}),
  createdAt: "",
  updatedAt: "",
  replicas: ready.map((isReady, index) => ({ id: String(index), ready: isReady, revision: "current", inFlight: 0 })),
  ...more,
});
const NONE = "No revision serves acme/x.";
const SERVES = "The previous revision current still serves acme/x.";
const STAYS = "The previous revision current stays current at acme/x, with no replica running now.";

test("the previous revision serves only while one of its replicas is ready", () => {
  assert.equal(describeServing(view("ready", [false, true]), "failed"), SERVES);
  assert.equal(describeServing(view("deploying", [true], { deploying: "other" }), "failed"), SERVES);
  assert.equal(describeServing(view("ready", [true]), undefined), SERVES);
});

test("the previous revision stays current without a replica", () => {
  assert.equal(describeServing(view("idle", []), "failed"), STAYS);
  assert.equal(describeServing(view("starting", [false]), "failed"), STAYS);
  assert.equal(describeServing(view("deploying", [], { deploying: "failed" }), "failed"), STAYS);
});

test("no revision serves after a failed first deployment, in every phase", () => {
  for (const phase of ["deploying", "starting", "idle", "failed"] as const)
    assert.equal(describeServing(view(phase, [false]), "current"), NONE, phase);
  assert.equal(describeServing(view("failed", []), undefined), NONE);
  assert.equal(describeServing(view("deploying", []), undefined), NONE);
});

test("a revision that this deployment registered is not called previous", () => {
  assert.equal(
    describeServing(view("ready", [true, false, true]), "current"),
    "Revision current serves acme/x with 2 of 3 replicas.",
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { type EndpointPhase, type EndpointView, withDefaults } from "@faas/core";
import { whatServes } from "./outcome.ts";

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
const NONE = "acme/x has no revision that answers.";
const SERVES = "Revision current, deployed before, goes on serving acme/x.";
const KEPT = "Revision current, deployed before, stays current at acme/x; no replica of it runs now.";

test("says that the former revision goes on serving only while a replica of it is ready", () => {
  assert.equal(whatServes(view("ready", [false, true]), "failed"), SERVES);
  assert.equal(whatServes(view("deploying", [true], { deploying: "other" }), "failed"), SERVES);
  assert.equal(whatServes(view("ready", [true]), undefined), SERVES);
});

test("says that the former revision stays current when no replica of it runs", () => {
  assert.equal(whatServes(view("idle", []), "failed"), KEPT);
  assert.equal(whatServes(view("starting", [false]), "failed"), KEPT);
  assert.equal(whatServes(view("deploying", [], { deploying: "failed" }), "failed"), KEPT);
});

test("says that nothing answers after a first deployment that failed, whatever its phase", () => {
  for (const phase of ["deploying", "starting", "idle", "failed"] as const)
    assert.equal(whatServes(view(phase, [false]), "current"), NONE, phase);
  assert.equal(whatServes(view("failed", []), undefined), NONE);
  assert.equal(whatServes(view("deploying", []), undefined), NONE);
});

test("does not call a revision deployed before that this deployment registered", () => {
  assert.equal(
    whatServes(view("ready", [true, false, true]), "current"),
    "Revision current answers at acme/x with 2 of 3 replicas.",
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { addEndpointSchema } from "../api/requests.ts";
import { FaasError } from "../errors.ts";
import { validate } from "../validate.ts";
import { endpointSpec, formatArtifact, parseArtifact, revisionId } from "./endpoint.ts";
import { settingsInputSchema, settingsProblem, withDefaults } from "./settings.ts";

const bundle = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;
const rejection = (input: unknown) => {
  try {
    validate(settingsInputSchema, input, "the settings");
  } catch (error) {
    assert.ok(error instanceof FaasError);
    return error.message;
  }
  return assert.fail("it was accepted");
};

test("names an unknown field", () => {
  assert.match(rejection({ replcas: 1 }), /unknown field "replcas"/);
});

test("names the field, the expected value and the actual value", () => {
  assert.match(rejection({ timeout: "5" }), /"timeout": expected a duration such as 300ms, 30s or 5m, got "5"/);
  assert.match(rejection({ replicas: -1 }), /"replicas": expected 0 or more, got -1/);
  assert.match(rejection({ replicas: 1e9 }), /"replicas": expected 1000 or less, got 1000000000/);
  assert.match(rejection({ replicas: 1.5 }), /"replicas": expected a whole number, got 1\.5/);
  assert.match(rejection({ replicas: "2" }), /"replicas": expected a (whole )?number, got "2"/);
  assert.match(rejection({ env: [] }), /"env": expected an object, got \[\]/);
  assert.match(rejection(null), /: expected an object, got null/);
  assert.match(rejection({ memory: "1Ki" }), /"memory": expected a size from 32Mi to 1024Gi, got "1Ki"/);
  assert.match(rejection({ idleTimeout: "1ms" }), /"idleTimeout": expected a duration from 100ms to 30d, got "1ms"/);
  assert.match(rejection({ scaler: "magic" }), /"scaler": expected one of "concurrency", "cpu", "fixed", got "magic"/);
  assert.match(rejection({ handler: "index" }), /"handler": expected "file.export"/);
});

test("rejects variables that faas sets", () => {
  assert.match(rejection({ env: { FAAS_ORG: "x" } }), /"env.FAAS_ORG": .*begin with FAAS_ are set by faas/);
  assert.match(rejection({ env: { PORT: "1" } }), /PORT/);
  assert.match(rejection({ env: { "a b": "x" } }), /"env/);
});

test("accepts never and auto as idleTimeout", () => {
  assert.equal(endpointSpecOf({ idleTimeout: "auto" }).idleTimeoutMs, "auto");
  assert.match(rejection({ idleTimeout: "sometimes" }), /"idleTimeout": expected a duration .*, got "sometimes"/);
  assert.equal(endpointSpecOf({ idleTimeout: "never" }).idleTimeoutMs, Number.POSITIVE_INFINITY);
  assert.equal(endpointSpecOf({}).idleTimeoutMs, 300_000);
});

test("rejects maxReplicas below replicas", () => {
  assert.match(
    settingsProblem(withDefaults({ replicas: 5, maxReplicas: 2 })) ?? "",
    /at least "replicas" \(5\), got 2/,
  );
  assert.equal(settingsProblem(withDefaults({ replicas: 50 })), undefined);
});

test("rejects cpuMax below cpu", () => {
  assert.match(
    settingsProblem(withDefaults({ cpu: "0.5", cpuMax: "200m" })) ?? "",
    /at least "cpu" \(0\.5\), got 200m/,
  );
  assert.equal(settingsProblem(withDefaults({ cpuMax: "100m" })), undefined);
  assert.equal(endpointSpecOf({ cpuMax: "1.5" }).cpuMaxMillis, 1500);
  assert.equal(endpointSpecOf({}).cpuMaxMillis, undefined);
});

test("a revision id depends on the content and not on the order of variables", () => {
  const id = (input: Parameters<typeof withDefaults>[0]) => revisionId(bundle, withDefaults(input));
  assert.equal(id({ env: { A: "1", B: "2" } }), id({ env: { B: "2", A: "1" }, timeout: "30s" }));
  const ids = [{}, { timeout: "31s" }, { env: { A: "1" } }, { handler: "a.b" }, { cpu: "1" }, { replicas: 2 }].map(id);
  assert.equal(new Set(ids).size, ids.length);
});

test("accepts the original system's registration", () => {
  const body = { org: "acme", endpoint: "invert", image: formatArtifact(bundle), replicas: 1 };
  assert.deepEqual(validate(addEndpointSchema, body, "the body"), body);
  assert.deepEqual(parseArtifact(body.image), bundle);
  assert.deepEqual(parseArtifact("registry:5000/acme/invert:1"), {
    kind: "image",
    reference: "registry:5000/acme/invert:1",
  });
  assert.equal(parseArtifact("bundle@sha256:short"), undefined);
});

function endpointSpecOf(input: Parameters<typeof withDefaults>[0]) {
  const revision = { id: "r", createdAt: "", artifact: bundle, settings: withDefaults(input) };
  return endpointSpec({ org: "acme", endpoint: "invert" }, revision);
}

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type ReceivedSpan, TraceReceiver } from "@faas/testing";
import { testServer } from "../testing/test-server.ts";

const receiver = await TraceReceiver.start();
const server = await testServer({ env: receiver.env });
after(() => receiver[Symbol.asyncDispose]());

const SPAN = "b7ad6b7169203331";
const REQUEST = "PUT /-/orgs/{org}/endpoints/{endpoint}";

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan =>
  spans.find((span) => span.name === name) ?? assert.fail(`no span ${name}`);

test("a deployment is one trace, from the command line over the server to the end of the rollout", async (t) => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const source = await server.source("traced", 'export const handler = () => "hello";\n');
  const { code, stderr } = await server.run(t, ["deploy", source, "--org", "acme", "--endpoint", "traced"], {
    env: { ...receiver.env, TRACEPARENT: `00-${traceId}-${SPAN}-01` },
  });
  assert.equal(code, 0, stderr);
  const spans = await receiver.trace(traceId, "deploy acme/traced", "upload", "register", "ready", REQUEST, "rollout");
  const deployment = named(spans, "deploy acme/traced");
  assert.deepEqual([deployment.parentSpanId, deployment.service], [SPAN, "faas-cli"]);
  // The start of a replica has a stage "ready" too.
  const own = spans.filter(({ service }) => service === "faas-cli");
  for (const stage of ["upload", "register", "ready"])
    assert.equal(named(own, stage).parentSpanId, deployment.spanId, stage);
  const request = named(spans, REQUEST);
  assert.deepEqual([request.parentSpanId, request.service], [named(spans, "register").spanId, "faas"]);
  const rollout = named(spans, "rollout");
  assert.deepEqual([rollout.parentSpanId, rollout.isError], [request.spanId, false]);
  assert.equal(rollout.attributes["faas.name"], "acme/traced");
});

test("a deployment that fails is an error in its trace, with the code of the failure", async (t) => {
  const traceId = "0af7651916cd43dd8448eb2100000001";
  const source = await server.source("broken", 'throw new Error("boom");\n');
  const { code } = await server.run(t, ["deploy", source, "--org", "acme", "--endpoint", "broken"], {
    env: { ...receiver.env, TRACEPARENT: `00-${traceId}-${SPAN}-01` },
  });
  assert.equal(code, 1);
  const spans = await receiver.trace(traceId, "deploy acme/broken", "ready", "rollout");
  for (const name of ["deploy acme/broken", "ready", "rollout"]) assert.ok(named(spans, name).isError, name);
  assert.equal(named(spans, "rollout").attributes["error.type"], "FUNCTION_LOAD_FAILED");
});

test("without the variables a deployment has no trace", async (t) => {
  const source = await server.source("quiet", 'export const handler = () => "hello";\n');
  const before = receiver.spans.filter(({ service }) => service === "faas-cli").length;
  assert.equal((await server.run(t, ["deploy", source, "--org", "acme", "--endpoint", "quiet"])).code, 0);
  assert.equal(receiver.spans.filter(({ service }) => service === "faas-cli").length, before);
});

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { FaasProcess, type ReceivedSpan, TraceReceiver } from "@faas/testing";
import { sdkFunctions, type Work } from "./sdk-functions.ts";

// Whole traces over gateway, wrapper and the functions' own SDKs. They install packages, so they have a command of their own: npm run test:traces.

const SPAN = "b7ad6b7169203331";
let traces = 0;

/** Returns a new trace id. */
const newTrace = () => `0af7651916cd43dd8448eb21${(++traces).toString(16).padStart(8, "0")}`;

const named = (spans: readonly ReceivedSpan[], name: string): ReceivedSpan =>
  spans.find((span) => span.name === name) ?? assert.fail(`no span ${name}`);

for (const [how, args] of Object.entries({ "in the server": [], "in processes of their own": ["--gateways", "2"] })) {
  describe(`with gateways ${how}`, () => {
    let receiver: TraceReceiver;
    let faas: FaasProcess;
    let url: string;

    before(async () => {
      receiver = await TraceReceiver.start();
      faas = new FaasProcess({ env: receiver.env });
      ({ url } = await faas.up({ args }));
      for (const [name, files] of Object.entries(sdkFunctions)) {
        const { code, stderr } = await faas.deploy(name, files, "--idle-timeout", "never");
        assert.equal(code, 0, stderr);
      }
    });
    after(async () => {
      await faas[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    });

    const call = async (name: string, headers: Record<string, string>): Promise<Work> => {
      const response = await fetch(`${url}/acme/${name}`, { headers });
      const text = await response.text();
      assert.equal(response.status, 200, text);
      return JSON.parse(text);
    };

    for (const name of Object.keys(sdkFunctions)) {
      test(`the spans of ${name} have the wrapper's span as their parent`, async () => {
        const traceId = newTrace();
        const work = await call(name, { traceparent: `00-${traceId}-${SPAN}-01`, baggage: "plan=gold" });
        const spans = await receiver.trace(traceId, `GET /acme/${name}`, "forward", "handler");
        const [root, forward, handler] = [`GET /acme/${name}`, "forward", "handler"].map((each) => named(spans, each));
        assert.deepEqual(
          [work.traceId, work.parentId, work.sampled, work.plan],
          [traceId, handler?.spanId, true, "gold"],
        );
        assert.equal(handler?.parentSpanId, forward?.spanId);
        assert.equal(forward?.parentSpanId, root?.spanId);
        assert.equal(root?.parentSpanId, SPAN);
        assert.equal(handler?.service, `acme/${name}`);
        assert.equal(work.headers.traceparent, `00-${traceId}-${work.spanId}-01`);
        assert.equal(work.headers.baggage, "plan=gold");
      });

      test(`${name} records nothing of a call that is not sampled, and passes that on`, async () => {
        const traceId = newTrace();
        const work = await call(name, { traceparent: `00-${traceId}-${SPAN}-00` });
        assert.deepEqual([work.traceId, work.sampled], [traceId, false]);
        assert.match(work.headers.traceparent ?? "", new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
        assert.ok(!receiver.spans.some((span) => span.traceId === traceId));
      });
    }

    test("a cold start is in the trace, with the stages of the replica's start and the loading of the code", async () => {
      const files = { "index.mjs": 'export const handler = () => "hello";\n' };
      assert.equal((await faas.deploy("cold", files, "--idle-timeout", "1s")).code, 0);
      await faas.untilIdle("cold");
      const traceId = newTrace();
      await (await fetch(`${url}/acme/cold`, { headers: { traceparent: `00-${traceId}-${SPAN}-01` } })).text();
      const spans = await receiver.trace(traceId, "GET /acme/cold", "cold start", "ready", "load", "handler");
      const cold = named(spans, "cold start");
      for (const name of ["ready", "load"]) assert.equal(named(spans, name).parentSpanId, cold.spanId);
      const root = named(spans, "GET /acme/cold");
      assert.equal(root.attributes["faas.coldstart"], true);
      for (const { name, beganMs, endedMs } of spans)
        assert.ok(beganMs >= root.beganMs - 0.01 && endedMs <= root.endedMs + 0.01, name);
    });

    test("a deployment is one trace, from the command line over the server to the end of the rollout", async () => {
      const traceId = newTrace();
      const source = await faas.source("deployed", { "index.mjs": 'export const handler = () => "hello";\n' });
      await faas.succeed(["deploy", source, "--org", "acme", "--endpoint", "deployed"], {
        env: { TRACEPARENT: `00-${traceId}-${SPAN}-01` },
      });
      const request = "PUT /-/orgs/{org}/endpoints/{endpoint}";
      const spans = await receiver.trace(
        traceId,
        "deploy acme/deployed",
        "upload",
        "register",
        "ready",
        request,
        "rollout",
      );
      const deployment = named(spans, "deploy acme/deployed");
      assert.deepEqual([deployment.parentSpanId, deployment.service], [SPAN, "faas-cli"]);
      assert.equal(named(spans, "register").parentSpanId, deployment.spanId);
      assert.equal(named(spans, request).parentSpanId, named(spans, "register").spanId);
      assert.equal(named(spans, "rollout").parentSpanId, named(spans, request).spanId);
    });
  });
}

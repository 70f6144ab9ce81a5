import assert from "node:assert/strict";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { test } from "node:test";
import { type ReceivedSpan, TraceReceiver } from "@faas/testing";
import { startTestGateway } from "../testing/test-gateway.ts";
import { openTracing } from "../traces/open-tracing.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";
const SAMPLED = { traceparent: `00-${TRACE}-${SPAN}-01` };

/** Starts a gateway that sends its spans to a receiver, with replicas that remember the headers of their requests. */
async function traced(env: Record<string, string> = {}, behave?: RequestListener) {
  const receiver = await TraceReceiver.start();
  const warnings: string[] = [];
  const tracing = await openTracing(
    { ...receiver.env, ...env },
    { service: "faas", version: "1" },
    { warn: (_, text) => warnings.push(text) },
  );
  const received: IncomingHttpHeaders[] = [];
  const gateway = await startTestGateway(
    () => (request, response) => {
      received.push(request.headers);
      if (behave) behave(request, response);
      else response.end("fine");
    },
    { tracing: tracing?.calls },
  );
  return {
    ...{ gateway, receiver, received, warnings },
    endTracing: async () => tracing?.[Symbol.asyncDispose](),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await tracing?.[Symbol.asyncDispose]();
      await receiver[Symbol.asyncDispose]();
    },
  };
}

const named = (spans: readonly ReceivedSpan[], name: string) =>
  spans.find((span) => span.name === name) as ReceivedSpan;

test("a call in a sampled trace has spans, whose parents lead to the caller", async () => {
  await using started = await traced();
  const { gateway, receiver, received } = started;
  await gateway.run();
  const headers = { ...SAMPLED, tracestate: "vendor=1", baggage: "plan=gold", "x-request-id": "one" };
  assert.equal((await gateway.call("/acme/x/path?secret=1", { headers })).status, 200);
  const spans = await receiver.trace(TRACE, "GET /acme/x", "route", "forward");
  const call = named(spans, "GET /acme/x");
  const forward = named(spans, "forward");
  assert.deepEqual([call.parentSpanId, call.kind, call.service], [SPAN, 2, "faas"]);
  assert.deepEqual([forward.parentSpanId, forward.kind], [call.spanId, 3]);
  assert.equal(call.attributes["faas.invocation_id"], "one");
  assert.equal(call.attributes["url.path"], "/path");
  assert.equal(call.attributes["http.response.status_code"], 200);
  assert.equal(call.traceState, "vendor=1");
  assert.ok(call.beganMs <= forward.beganMs && forward.endedMs <= call.endedMs);
  const [sent = {}] = received;
  assert.equal(sent.traceparent, `00-${TRACE}-${forward.spanId}-01`);
  assert.deepEqual([sent.tracestate, sent.baggage, sent["x-faas-trace"]], ["vendor=1", "plan=gold", "1"]);
});

test("a call that is not sampled has no spans, and its traceparent says so", async () => {
  await using started = await traced();
  const { gateway, receiver, received } = started;
  await gateway.run();
  await gateway.call("/acme/x", { headers: { traceparent: `00-${TRACE}-${SPAN}-00`, tracestate: "vendor=1" } });
  await gateway.call("/acme/x", { headers: { traceparent: `00-${"1".repeat(32)}-${SPAN}-01` } });
  await receiver.trace("1".repeat(32), "forward");
  assert.equal(receiver.spans.filter(({ traceId }) => traceId === TRACE).length, 0);
  const [sent = {}] = received;
  assert.equal(sent.traceparent, `00-${TRACE}-${SPAN}-00`);
  assert.deepEqual([sent.tracestate, sent["x-faas-trace"]], ["vendor=1", undefined]);
});

test("a call without a trace begins one, which its ratio decides", async () => {
  await using started = await traced({ OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: "0" });
  const { gateway, receiver, received } = started;
  await gateway.run();
  for (const headers of [{}, { traceparent: "broken", tracestate: "lost=1" }])
    await gateway.call("/acme/x", { headers });
  for (const sent of received) {
    assert.match(String(sent.traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/);
    assert.equal(sent.tracestate, undefined);
  }
  assert.equal(receiver.spans.length, 0);
});

test("a cold start and its stages are spans of the call that waited for it", async () => {
  await using started = await traced();
  const { gateway, receiver } = started;
  await gateway.deploy();
  assert.equal((await gateway.call("/acme/x", { headers: SAMPLED })).headers["x-cold-start"], "true");
  const spans = await receiver.trace(TRACE, "GET /acme/x", "cold start", "forward");
  const call = named(spans, "GET /acme/x");
  const cold = named(spans, "cold start");
  assert.equal(call.attributes["faas.coldstart"], true);
  assert.equal(cold.parentSpanId, call.spanId);
  assert.ok(cold.endedMs <= named(spans, "forward").beganMs + 1);
});

test("the times of a wrapper become spans of the function, and the function's own spans belong to them", async () => {
  await using started = await traced({}, (_, response) => {
    const began = Date.now();
    response.setHeader("X-Faas-Trace", `handler=${began}.250+1.5,load=${began - 90}+80`);
    response.end("fine");
  });
  const { gateway, receiver, received } = started;
  await gateway.deploy();
  const { headers } = await gateway.call("/acme/x", { headers: SAMPLED });
  assert.equal(headers["x-faas-trace"], undefined);
  const spans = await receiver.trace(TRACE, "handler", "load");
  const forward = named(spans, "forward");
  const handler = named(spans, "handler");
  assert.deepEqual([handler.parentSpanId, handler.service], [forward.spanId, "acme/x"]);
  assert.equal(received[0]?.traceparent, `00-${TRACE}-${handler.spanId}-01`);
  assert.ok(handler.beganMs >= forward.beganMs && handler.endedMs <= forward.endedMs);
  assert.equal(named(spans, "load").parentSpanId, named(spans, "cold start").spanId);
});

test("each attempt of a repeated request is a span, and the failed one says why", async () => {
  let attempts = 0;
  await using started = await traced({}, (request, response) => {
    if (attempts++ === 0) request.socket.destroy();
    else response.end("fine");
  });
  const { gateway, receiver, received } = started;
  await gateway.run({ replicas: 2, scaler: "fixed" });
  assert.equal((await gateway.call("/acme/x", { headers: SAMPLED })).status, 200);
  const spans = (await receiver.trace(TRACE, "GET /acme/x")).filter(({ name }) => name === "forward");
  assert.deepEqual(
    spans.map(({ isError }) => isError),
    [true, false],
  );
  assert.deepEqual(
    received.map(({ traceparent }) => traceparent?.slice(36, 52)),
    spans.map(({ spanId }) => spanId),
  );
});

test("the spans of many calls on one connection are those of their calls, also at the end of the process", async () => {
  await using started = await traced({ OTEL_BSP_SCHEDULE_DELAY: "3600000" });
  const { gateway, receiver } = started;
  await gateway.run();
  // Not a multiple of the calls whose spans are created together.
  const paths = Array.from({ length: 45 }, (_, index) => `/${index}`);
  for (const [index, path] of paths.entries())
    await gateway.call(`/acme/x${path}`, { method: index % 2 === 0 ? "GET" : "PUT", headers: SAMPLED });
  await gateway[Symbol.asyncDispose]();
  await started.endTracing();
  const calls = receiver.spans.filter(({ name }) => name.endsWith("/acme/x"));
  assert.deepEqual(
    calls.map(({ name, attributes }) => `${name} ${attributes["url.path"]}`),
    paths.map((path, index) => `${index % 2 === 0 ? "GET" : "PUT"} /acme/x ${path}`),
  );
});

test("a failed call is an error with the code of its problem", async () => {
  await using started = await traced({}, (request) => void request.socket.destroy());
  const { gateway, receiver } = started;
  await gateway.run();
  assert.equal((await gateway.call("/acme/x", { method: "POST", headers: SAMPLED })).status, 502);
  const call = named(await receiver.trace(TRACE, "POST /acme/x"), "POST /acme/x");
  assert.deepEqual([call.isError, call.attributes["error.type"]], [true, "REPLICA_FAILED"]);
});

test("passes the headers of a trace on where nothing is traced", async () => {
  const received: IncomingHttpHeaders[] = [];
  await using gateway = await startTestGateway(() => (request, response) => {
    received.push(request.headers);
    response.end("fine");
  });
  await gateway.run();
  const headers = { ...SAMPLED, tracestate: "vendor=1", baggage: "plan=gold", "x-faas-trace": "1" };
  await gateway.call("/acme/x", { headers });
  await gateway.call("/acme/x");
  const traces = received.map(({ traceparent, tracestate, baggage }) => ({ traceparent, tracestate, baggage }));
  const { "x-faas-trace": _, ...passedOn } = headers;
  assert.deepEqual(traces, [passedOn, { traceparent: undefined, tracestate: undefined, baggage: undefined }]);
  assert.equal(received[0]?.["x-faas-trace"], undefined);
});

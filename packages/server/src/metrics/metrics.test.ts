import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { startTestGateway, type TestGateway } from "../../../gateway/src/testing/test-gateway.ts";
import { Metrics } from "./metrics.ts";

/** Starts a gateway with metrics, connected as in the server. */
async function measured(behave: Parameters<typeof startTestGateway>[0]) {
  let gateway: TestGateway | undefined;
  const metrics: Metrics = new Metrics({
    get awake() {
      return gateway?.endpoints.awake ?? new Set<never>();
    },
    get size() {
      return gateway?.endpoints.size ?? 0;
    },
  });
  gateway = await startTestGateway(behave, { metrics }, {}, { onRemoved: (endpoint) => metrics.forget(endpoint) });
  return { gateway, metrics };
}

test("removes the series of a removed endpoint; its last requests do not create them again", async () => {
  let answer: (() => void) | undefined;
  const { gateway, metrics } = await measured(() => (request, response) => {
    if (request.url === "/slow") answer = () => response.end("slow");
    else response.writeHead(request.url === "/teapot" ? 418 : 200).end();
  });
  await using _ = gateway;
  const samples = async () => (await metrics.text()).split("\n").filter((line) => line.includes('org="acme"'));
  const { spec } = await gateway.run();
  for (const path of ["", "/teapot"]) await gateway.call(`/acme/x${path}`);
  const slow = gateway.call("/acme/x/slow");
  await eventually("a request is in flight", () => answer !== undefined);
  assert.ok((await samples()).some((line) => line.startsWith("faas_requests_total") && line.endsWith('"418"} 1')));
  gateway.endpoints.delete(spec);
  answer?.();
  assert.equal((await slow).text, "slow");
  await eventually("it is recorded", () => gateway.reports.length === 3);
  assert.deepEqual(await samples(), []);
  // An endpoint that is registered again under the name starts from zero.
  await gateway.run();
  await gateway.call("/acme/x");
  assert.ok((await samples()).some((line) => /^faas_requests_total\{.*code="200"\} 1$/.test(line)));
});

test("counts request durations in cumulative buckets", async () => {
  const { gateway, metrics } = await measured(() => (_, response) => void response.end());
  await using _ = gateway;
  await gateway.run();
  const endpoint = gateway.endpoints.get("acme/x") as Parameters<Metrics["record"]>[0];
  for (const ms of [1, 1.5, 40, 31_000]) metrics.record(endpoint, 200, ms, false);
  const lines = (await metrics.text()).split("\n").filter((line) => line.includes('endpoint="x"'));
  const value = (start: string) => Number(lines.find((line) => line.startsWith(start))?.split(" ")[1]);
  const bucket = (le: string) => value(`faas_request_duration_seconds_bucket{le="${le}",org="acme"`);
  assert.deepEqual(["0.001", "0.0025", "0.025", "0.05", "30", "+Inf"].map(bucket), [1, 2, 2, 3, 3, 4]);
  assert.equal(value("faas_request_duration_seconds_count"), 4);
  assert.equal(value("faas_requests_total"), 4);
  assert.ok(Math.abs(value("faas_request_duration_seconds_sum") - 31.0425) < 1e-9);
});

test("remembers the last traced request of each bucket, and shows it where exemplars are allowed", async () => {
  const { gateway, metrics } = await measured(() => (_, response) => void response.end());
  await using _ = gateway;
  await gateway.run();
  const endpoint = gateway.endpoints.get("acme/x") as Parameters<Metrics["record"]>[0];
  for (const traceId of ["a".repeat(32), "b".repeat(32)]) metrics.record(endpoint, 200, 40, false, traceId);
  metrics.record(endpoint, 200, 45, false);
  const bucketsOf = (text: string) => text.split("\n").filter((line) => line.includes('{le="0.05",org="acme"'));
  const [line = ""] = bucketsOf(await metrics.text(true));
  assert.match(line, new RegExp(String.raw`\} 3 # \{trace_id="${"b".repeat(32)}"\} 0\.04 \d{10}\.\d{3}$`));
  assert.equal((await metrics.text(true)).match(/trace_id/g)?.length, 1);
  assert.doesNotMatch(await metrics.text(), /trace_id/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { startTestGateway } from "../../../gateway/src/testing/test-gateway.ts";
import { Metrics } from "./metrics.ts";

test("what was counted of an endpoint goes when it is removed, and requests that it still has do not bring it back", async () => {
  const metrics = new Metrics();
  let answer: (() => void) | undefined;
  await using gateway = await startTestGateway(
    () => (request, response) => {
      if (request.url === "/slow") answer = () => response.end("slow");
      else response.writeHead(request.url === "/teapot" ? 418 : 200).end();
    },
    { metrics },
    {},
    { onRemoved: (endpoint) => metrics.forget(endpoint) },
  );
  metrics.observe(gateway.endpoints);
  const samples = async () => (await metrics.text()).split("\n").filter((line) => line.includes('org="acme"'));
  const { spec } = await gateway.run();
  for (const path of ["", "/teapot"]) await gateway.call(`/acme/x${path}`);
  const slow = gateway.call("/acme/x/slow");
  await eventually("one is under way", () => answer !== undefined);
  assert.ok((await samples()).some((line) => line.startsWith("faas_requests_total") && line.endsWith('"418"} 1')));
  gateway.endpoints.delete(spec);
  answer?.();
  assert.equal((await slow).text, "slow");
  await eventually("it is recorded", () => gateway.reports.length === 3);
  assert.deepEqual(await samples(), []);
  // One that is registered again under the name begins at zero.
  await gateway.run();
  await gateway.call("/acme/x");
  assert.ok((await samples()).some((line) => /^faas_requests_total\{.*code="200"\} 1$/.test(line)));
});

test("how long requests took is counted in buckets, each with all that were faster", async () => {
  const metrics = new Metrics();
  await using gateway = await startTestGateway(() => (_, response) => void response.end());
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

import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics } from "./metrics.ts";
import { startTestGateway, until } from "./test-gateway.ts";

test("what was counted of an endpoint goes when it is removed, and requests that it still has do not bring it back", async () => {
  const metrics = new Metrics();
  let answer: (() => void) | undefined;
  await using gateway = await startTestGateway(
    () => (request, response) => {
      if (request.url === "/slow") answer = () => response.end("slow");
      else response.writeHead(request.url === "/teapot" ? 418 : 200).end();
    },
    { metrics },
  );
  metrics.observe(gateway.endpoints);
  const samples = async () =>
    (await metrics.registry.metrics()).split("\n").filter((line) => line.includes('org="acme"'));
  const { spec } = await gateway.run();
  for (const path of ["", "/teapot"]) await gateway.call(`/acme/x${path}`);
  const slow = gateway.call("/acme/x/slow");
  await until(() => answer !== undefined, "one is under way");
  assert.ok((await samples()).some((line) => line.startsWith("faas_requests_total") && line.endsWith('"418"} 1')));
  gateway.endpoints.delete(spec);
  answer?.();
  assert.equal((await slow).text, "slow");
  await until(() => gateway.reports.length === 3, "it is recorded");
  assert.deepEqual(await samples(), []);
  // One that is registered again under the name begins at zero.
  await gateway.run();
  await gateway.call("/acme/x");
  assert.ok((await samples()).some((line) => /^faas_requests_total\{.*code="200"\} 1$/.test(line)));
});

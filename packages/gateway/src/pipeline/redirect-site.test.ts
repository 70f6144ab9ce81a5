import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestGateway } from "../testing/test-gateway.ts";

test("redirects the address of a static site without a slash, and nothing else", async () => {
  await using gateway = await startTestGateway(() => (request, response) => response.end(request.url));
  const endpoint = await gateway.deploy({ app: "static" });
  for (const [path, location] of [
    ["/acme/x", "x/"],
    ["/acme/x?a=/b", "x/?a=/b"],
  ] as const) {
    const { status, headers } = await gateway.call(path);
    assert.deepEqual([status, headers.location], [301, location]);
  }
  // A redirect starts no replica.
  assert.equal(endpoint.replicas.length, 0);
  await gateway.run({ app: "static" });
  assert.equal((await gateway.call("/acme/x", { method: "HEAD" })).status, 301);
  for (const path of ["/acme/x/", "/acme/x/docs", "/acme/x/?a"]) assert.equal((await gateway.call(path)).status, 200);
  assert.equal((await gateway.call("/acme/x", { method: "POST" })).status, 200);
  assert.equal((await gateway.call("/", { headers: { Host: "x.acme.localhost" } })).text, "/");
  await gateway.run({ app: "function" }, "two");
  assert.equal((await gateway.call("/acme/x")).text, "/");
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import { testControl } from "../testing/test-control.ts";
import { checkLocalHost } from "./host-check.ts";

for (const host of [
  "localhost:8887",
  "127.0.0.1",
  "127.0.0.1:1",
  "[::1]:8887",
  "10.1.2.3",
  "faas.localhost",
  "box",
  "",
  "LOCALHOST.",
])
  test(`accepts the host ${JSON.stringify(host)}`, () => checkLocalHost(host));

for (const host of [
  "evil.example",
  "evil.example:8887",
  "127.0.0.1.evil.example",
  "localhost.evil.example",
  "a.b.",
  "1.2.3",
])
  test(`rejects the host ${host}`, () => assert.throws(() => checkLocalHost(host), { code: "HOST_REFUSED" }));

async function register(url: string, host: string, headers: Record<string, string> = {}) {
  const { hostname, port } = new URL(url);
  const sent = request({ hostname, port, path: "/-/orgs/acme", method: "PUT", headers: { host, ...headers } });
  sent.end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.statusCode as number;
}

test("a server without keys rejects requests for a domain; a server with keys checks the key alone", async () => {
  const open = await testControl();
  assert.equal(await register(open.url, "evil.example"), 421);
  assert.equal((await open.send("GET", "/-/orgs/acme")).status, 404);
  assert.equal(await register(open.url, "localhost"), 201);
  const keyed = await testControl({ auth: true });
  const key = { authorization: `Bearer ${keyed.adminToken}` };
  assert.equal(await register(keyed.url, "faas.example"), 401);
  assert.equal(await register(keyed.url, "faas.example", key), 201);
});

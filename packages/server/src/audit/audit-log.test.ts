import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import type { AuditEntry } from "@faas/core";
import { tempDir } from "@faas/testing";
import { testControl } from "../testing/test-control.ts";
import { AuditLog, type AuditOptions } from "./audit-log.ts";

function auditOf(t: TestContext, options: AuditOptions = {}) {
  const dataDir = tempDir("audit");
  const audit = new AuditLog(dataDir, options);
  t.after(() => audit[Symbol.asyncDispose]());
  const read = async () =>
    (await buffer(audit.read()))
      .toString()
      .split("\n")
      .flatMap((line) => (line === "" ? [] : [JSON.parse(line) as AuditEntry]));
  return { audit, dataDir, read };
}
const entry = (target: string, more: Partial<AuditEntry> = {}): AuditEntry => ({
  ...{
    time: "2026-01-01T00:00:00Z",
    requestId: "1",
    action: "PUT /-/orgs/{org}",
    target,
    from: "127.0.0.1",
    status: 200,
  },
  ...more,
});

test("reads the newest entries, from previous files too", async (t) => {
  const { audit } = auditOf(t, { fileBytes: 500 });
  for (let i = 0; i < 20; i++) await audit.write(entry(`org-${i}`));
  const newest = async (count: number) =>
    Array.from((await audit.readNewest(count)).matchAll(/"target":"org-(\d+)"/g), ([, number]) => Number(number));
  assert.deepEqual(await newest(5), [15, 16, 17, 18, 19]);
  assert.equal((await newest(1_000)).length, 20);
  assert.deepEqual(await newest(0), []);
});

test("writes concurrent entries in order, readable by this user only", async (t) => {
  const { audit, dataDir, read } = auditOf(t);
  await Promise.all(Array.from({ length: 200 }, (_, i) => audit.write(entry(`org-${i}`))));
  assert.deepEqual(
    (await read()).map(({ target }) => target),
    Array.from({ length: 200 }, (_, i) => `org-${i}`),
  );
  assert.equal((await stat(join(dataDir, "audit.log"))).mode & 0o777, 0o600);
});

test("rotates files by size and drops the oldest", async (t) => {
  const { audit, dataDir, read } = auditOf(t, { fileBytes: 1000, files: 2 });
  for (let i = 0; i < 100; i++) await audit.write(entry(`org-${i}`));
  const names = (await readdir(dataDir)).sort();
  assert.deepEqual(names, ["audit.log", "audit.log.1", "audit.log.2"]);
  for (const name of names) assert.ok((await stat(join(dataDir, name))).size < 1300, name);
  const kept = (await read()).map(({ target }) => Number(target.slice(4)));
  assert.deepEqual(
    kept,
    Array.from({ length: kept.length }, (_, i) => 100 - kept.length + i),
  );
  assert.ok(kept.length > 10 && kept.length < 30);
});

test("lists at most 60 unauthenticated calls per minute; the next entry has the number of the others", async (t) => {
  const clock = { ms: 0 };
  const { audit, read } = auditOf(t, { now: () => clock.ms });
  for (let i = 0; i < 1000; i++) await audit.write(entry("x", { status: 401, code: "UNAUTHENTICATED" }));
  await audit.write(entry("acme"));
  clock.ms += 60_000;
  await audit.write(entry("x", { status: 401, code: "UNAUTHENTICATED" }));
  const entries = await read();
  assert.equal(entries.length, 62);
  assert.equal(entries[60]?.unlisted, 940);
  assert.equal(entries[61]?.unlisted, undefined);
});

test("writes a line for each call that changes something or is rejected: key, action, target, address, result", async () => {
  const server = await testControl({ auth: true });
  await server.send("PUT", "/-/orgs/acme");
  const { body: key } = await server.send("POST", "/-/orgs/acme/keys", { scope: "read", name: "looks" });
  await server.send("GET", "/-/orgs/acme", undefined, key.token);
  await server.send("GET", "/-/orgs/globex", undefined, key.token);
  await server.send("DELETE", "/-/orgs/acme/endpoints/x", undefined, key.token);
  await server.send("GET", "/-/orgs/acme", undefined, "");
  await server.send("GET", "/-/nothing", undefined, "");
  await server.send("POST", "/add_endpoint", { org: "acme", endpoint: "x", image: "nginx", replicas: 1 });
  await server.send("DELETE", `/-/orgs/acme/keys/${key.id}`);
  const { body, headers } = await server.send("GET", "/-/audit");
  assert.equal(headers.get("content-type"), "application/x-ndjson");
  const entries = (typeof body === "string" ? body : JSON.stringify(body))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as AuditEntry);
  const [first] = entries;
  assert.equal(first?.target, entries[1]?.key?.id);
  assert.deepEqual(
    entries.map(({ key, action, target, status, code }) => [key?.name, action, target, status, code]),
    [
      [undefined, "faas up", first?.target, 201, undefined],
      ["first", "PUT /-/orgs/{org}", "acme", 201, undefined],
      ["first", "POST /-/orgs/{org}/keys", `acme/${key.id}`, 201, undefined],
      ["looks", "GET /-/orgs/{org}", "globex", 404, "ORG_NOT_FOUND"],
      ["looks", "DELETE /-/orgs/{org}/endpoints/{endpoint}", "acme/x", 403, "FORBIDDEN"],
      [undefined, "GET /-/orgs/{org}", "acme", 401, "UNAUTHENTICATED"],
      ["first", "POST /add_endpoint", "acme/x", 422, "ARTIFACT_UNSUPPORTED"],
      ["first", "DELETE /-/orgs/{org}/keys/{key}", `acme/${key.id}`, 204, undefined],
    ],
  );
  for (const { from, time, requestId } of entries) {
    assert.match(from, /^(127\.0\.0\.1|this machine)$/);
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
    assert.ok(requestId.length > 10);
  }
  assert.deepEqual(entries[3]?.key, { id: key.id, name: "looks", scope: "read", org: "acme" });
});

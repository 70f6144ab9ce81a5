import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { formatVerifier, isLoopback, newKey } from "@faas/core";
import type { ServerOptions } from "../options.ts";
import { startServer } from "../server.ts";
import { Store } from "../state/store.ts";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";
import { KeyService } from "./key-service.ts";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "faas-keys-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Keys upon a store, at a time that the test says. */
async function keysAt(t: TestContext, fixed?: { id: string; hash: string }) {
  const store = await Store.open(await folder(t));
  t.after(() => store.close());
  await store.putOrg("acme");
  const clock = { ms: Date.parse("2026-01-01T00:00:00Z") };
  const keys = new KeyService({ store, now: () => clock.ms, ...(fixed ? { fixed } : {}) });
  return { store, keys, clock };
}

/** A server on a folder of its own, and requests with a token. */
async function serverOn(dataDir: string, options: Partial<ServerOptions> = {}) {
  const server = await startServer({ dataDir, port: 0, logLevel: "silent", auth: true, ...options });
  const status = async (path: string, token: string, method = "GET", body?: object) => {
    const headers = { Authorization: `Bearer ${token}`, ...(body ? { "Content-Type": "application/json" } : {}) };
    const answer = await fetch(server.url + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    return { status: answer.status, body: JSON.parse((await answer.text()) || "{}") };
  };
  return { server, ask: status };
}

test("a key is good until it expires or is revoked, and never afterwards", async (t) => {
  const { keys, clock } = await keysAt(t);
  const short = await keys.create({ scope: "deploy", org: "acme", expires: "90d" });
  const long = await keys.create({ scope: "read", org: "acme", name: "ci" });
  assert.equal(keys.find(short.token)?.id, short.id);
  clock.ms += 90 * 86_400_000 - 1;
  assert.equal(keys.find(short.token)?.id, short.id);
  clock.ms += 1;
  assert.equal(keys.find(short.token), undefined);
  assert.equal(keys.find(long.token)?.record.name, "ci");
  await keys.revoke("acme", long.id);
  assert.equal(keys.find(long.token), undefined);
  await assert.rejects(keys.revoke("acme", long.id), { code: "KEY_NOT_FOUND" });
});

test("the id of one key with the secret of another is none", async (t) => {
  const { keys } = await keysAt(t);
  const [one, two] = [await keys.create({ scope: "admin" }), await keys.create({ scope: "read", org: "acme" })];
  assert.equal(keys.find(two.token.replace(two.id, one.id)), undefined);
  assert.equal(keys.find(two.token.replace("_read_", "_admin_")), undefined);
});

test("a key is revoked by its own organization's route alone", async (t) => {
  const { keys, store } = await keysAt(t);
  await store.putOrg("globex");
  const key = await keys.create({ scope: "read", org: "acme" });
  for (const org of ["globex", undefined]) await assert.rejects(keys.revoke(org, key.id), { code: "KEY_NOT_FOUND" });
  assert.ok(keys.find(key.token));
});

test("when it was used last is told, and written once an hour at most", async (t) => {
  const { keys, store, clock } = await keysAt(t);
  const { id, token } = await keys.create({ scope: "read", org: "acme" });
  let writes = 0;
  const change = store.changeKey.bind(store);
  store.changeKey = (...args) => {
    writes++;
    return change(...args);
  };
  assert.equal(keys.list("acme")[0]?.lastUsedAt, undefined);
  for (let i = 0; i < 1000; i++) {
    keys.find(token);
    clock.ms += 4_000;
  }
  assert.equal(writes, 2);
  assert.equal(keys.list("acme")[0]?.lastUsedAt, "2026-01-01T01:00:00.000Z");
  await store.putOrg("acme");
  assert.equal(store.keys().get(id)?.lastUsedAt, "2026-01-01T01:00:00.000Z");
});

test("an organization's keys go with it, also when it is made again", async (t) => {
  const { keys, store } = await keysAt(t);
  const { token } = await keys.create({ scope: "deploy", org: "acme" });
  await store.removeEmptyOrg("acme");
  await store.putOrg("acme");
  assert.equal(keys.find(token), undefined);
  assert.deepEqual(keys.list("acme"), []);
  await assert.rejects(keys.create({ scope: "deploy", org: "gone" }), { code: "ORG_NOT_FOUND" });
});

test("keys are read again from the snapshot and from the journal; a damaged one is refused", async (t) => {
  const dataDir = await folder(t);
  const tokens: string[] = [];
  // Each server's first change writes a snapshot of what there was, and goes into a new journal.
  for (let start = 0; start < 3; start++) {
    const store = await Store.open(dataDir);
    const keys = new KeyService({ store });
    for (const token of tokens) assert.ok(keys.find(token), `start ${start}`);
    tokens.push((await keys.create({ scope: "admin", name: `of start ${start}` })).token);
    await store.close();
  }
  const file = join(dataDir, "state.json");
  const text = await readFile(file, "utf8");
  assert.match(text, /of start 1/);
  await writeFile(file, text.replace('"scope":"admin"', '"scope":"root"'));
  await assert.rejects(Store.open(dataDir), { code: "STATE_DAMAGED" });
});

test("the way of a key through the server costs microseconds", async (t) => {
  const { keys } = await keysAt(t);
  const { token } = await keys.create({ scope: "invoke", org: "acme" });
  const headers = { authorization: `Bearer ${token}` };
  const rounds = 20_000;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const began = performance.now();
    for (let n = 0; n < rounds; n++) keys.authenticate(headers);
    best = Math.min(best, ((performance.now() - began) * 1000) / rounds);
  }
  t.diagnostic(`${best.toFixed(2)} µs`);
  // 3 µs; a machine that others use too is given some room.
  assert.ok(best < 15, `${best} µs`);
});

test("keys are required except where only this machine reaches the server", () => {
  for (const host of ["127.0.0.1", "localhost", "::1", "127.1.2.3"]) assert.ok(isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "192.168.1.2", "127.0.0.1.example.com", "localhost.example.com", ""])
    assert.ok(!isLoopback(host), host);
});

test("the first start makes an admin key, later ones do not, and it survives them", async (t) => {
  const dataDir = await folder(t);
  const first = await serverOn(dataDir);
  const token = first.server.adminToken as string;
  assert.match(token, /^faas_admin_/);
  const made = await first.ask("/-/keys", token, "POST", { name: "second" });
  assert.equal(made.status, 201);
  await first.server.stop();
  const again = await serverOn(dataDir);
  t.after(() => again.server.stop());
  assert.equal(again.server.adminToken, undefined);
  for (const each of [token, made.body.token]) assert.equal((await again.ask("/-/whoami", each)).body.scope, "admin");
  // Revoked, it is refused with the next request.
  assert.equal((await again.ask(`/-/keys/${made.body.id}`, token, "DELETE")).status, 204);
  assert.equal((await again.ask("/-/whoami", made.body.token)).status, 401);
});

test("without keys the same server lets everybody in, and makes none", async (t) => {
  const dataDir = await folder(t);
  const { server } = await serverOn(dataDir, { auth: false });
  t.after(() => server.stop());
  assert.equal(server.adminToken, undefined);
  assert.deepEqual(await (await fetch(`${server.url}/-/whoami`)).json(), { auth: "open" });
});

test("an admin key that is given at the start is taken, shown, and not revoked here", async (t) => {
  const dataDir = await folder(t);
  const key = newKey("admin");
  const file = join(await folder(t), "key");
  await writeFile(file, `${formatVerifier(key)}\n`);
  const { server, ask } = await serverOn(dataDir, { adminKeyFile: file });
  assert.equal(server.adminToken, undefined);
  const { status, body } = await ask("/-/keys", key.token);
  assert.deepEqual([status, body.keys.map(({ id }: { id: string }) => id)], [200, [key.id]]);
  assert.equal((await ask(`/-/keys/${key.id}`, key.token, "DELETE")).status, 400);
  await server.stop();
  await writeFile(file, key.token);
  await assert.rejects(startServer({ dataDir, port: 0, logLevel: "silent", adminKeyFile: file }), { code: "USAGE" });
});

test("no token is in the log or in any file of the data folder", async (t) => {
  const dataDir = await folder(t);
  const log: string[] = [];
  const logTo = { write: (line: string) => void log.push(line) };
  const { server, ask } = await serverOn(dataDir, { logLevel: "trace", logTo });
  const admin = server.adminToken as string;
  assert.equal((await ask("/-/orgs/acme", admin, "PUT", {})).status, 201);
  const { token } = (await ask("/-/orgs/acme/keys", admin, "POST", { scope: "deploy" })).body;
  await ask("/-/orgs/globex", token);
  await ask(`/-/orgs/acme/endpoints/${token}`, token, "DELETE");
  await ask("/acme/nothing", token);
  const tar = await functionBundle("export const handler = () => 'hello';\n");
  const headers = { Authorization: `Bearer ${token}` };
  const body = new Uint8Array(tar);
  await fetch(`${server.url}/-/bundles/${digestOf(tar)}`, { method: "PUT", headers, body });
  const artifact = { kind: "bundle", digest: digestOf(tar) };
  await ask("/-/orgs/acme/endpoints/one", token, "PUT", { artifact });
  assert.equal((await fetch(`${server.url}/acme/one`, { headers })).status, 200);
  await server.stop();
  assert.match(log.join(""), /listening/);
  const secrets = [admin, token].map((each) => each.split("_")[3] as string);
  for (const secret of secrets) assert.ok(!log.join("").includes(secret));
  let files = 0;
  for (const entry of await readdir(dataDir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    files++;
    const text = await readFile(join(entry.parentPath, entry.name), "latin1");
    for (const secret of secrets) assert.ok(!text.includes(secret), entry.name);
  }
  assert.ok(files > 3);
});

test("a log stream ends when its key is revoked", async () => {
  const server = await testControl({ auth: true });
  await server.send("PUT", "/-/orgs/acme");
  const { body } = await server.send("POST", "/-/orgs/acme/keys", { scope: "deploy", name: "ci" });
  const tar = await functionBundle("export const handler = () => 'hello';\n");
  await server.upload(tar, undefined, body.token);
  const artifact = { kind: "bundle", digest: digestOf(tar) };
  await server.send("PUT", "/-/orgs/acme/endpoints/one", { artifact }, body.token);
  const headers = { Authorization: `Bearer ${body.token}` };
  const signal = AbortSignal.timeout(10_000);
  const stream = await fetch(`${server.url}/-/orgs/acme/endpoints/one/logs?follow=true`, { headers, signal });
  assert.equal(stream.status, 200);
  const ended = stream.text().catch((error) => error.name);
  assert.equal((await server.send("DELETE", `/-/orgs/acme/keys/${body.id}`)).status, 204);
  assert.notEqual(await ended, "TimeoutError");
});

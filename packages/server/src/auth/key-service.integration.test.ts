import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { formatVerifier, newKey } from "@faas/core";
import { tempDir } from "@faas/testing";
import type { ServerOptions } from "../options.ts";
import { startServer } from "../server.ts";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Starts a server on a folder; `ask` sends requests with a token. */
async function serverOn(dataDir: string, options: Partial<ServerOptions> = {}) {
  const server = await startServer({ dataDir, port: 0, logLevel: "silent", auth: true, ...options });
  const ask = async (path: string, token: string, method = "GET", body?: object) => {
    const headers = { Authorization: `Bearer ${token}`, ...(body ? { "Content-Type": "application/json" } : {}) };
    const answer = await fetch(server.url + path, { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) });
    return { status: answer.status, body: JSON.parse((await answer.text()) || "{}") };
  };
  return { server, ask };
}

test("the first start creates an admin key, and later starts keep it", async (t) => {
  const dataDir = tempDir("keys");
  const first = await serverOn(dataDir);
  const token = first.server.adminToken as string;
  assert.match(token, /^faas_admin_/);
  const created = await first.ask("/-/keys", token, "POST", { name: "second" });
  assert.equal(created.status, 201);
  await first.server.stop();
  const again = await serverOn(dataDir);
  t.after(() => again.server.stop());
  assert.equal(again.server.adminToken, undefined);
  for (const each of [token, created.body.token])
    assert.equal((await again.ask("/-/whoami", each)).body.scope, "admin");
  // A revoked key is rejected with the next request.
  assert.equal((await again.ask(`/-/keys/${created.body.id}`, token, "DELETE")).status, 204);
  assert.equal((await again.ask("/-/whoami", created.body.token)).status, 401);
});

test("without authentication the server admits every client, and creates no key", async (t) => {
  const dataDir = tempDir("keys");
  const { server } = await serverOn(dataDir, { auth: false });
  t.after(() => server.stop());
  assert.equal(server.adminToken, undefined);
  assert.deepEqual(await (await fetch(`${server.url}/-/whoami`)).json(), { auth: "open" });
});

test("an admin key from a file is valid and listed, and cannot be revoked", async () => {
  const dataDir = tempDir("keys");
  const key = newKey("admin");
  const file = join(tempDir("keys"), "key");
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

test("no token is in the log or in any file of the data folder", async () => {
  const dataDir = tempDir("keys");
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

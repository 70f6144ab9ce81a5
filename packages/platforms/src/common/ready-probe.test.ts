import assert from "node:assert/strict";
import { existsSync, lstatSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { eventually, tempDir } from "@faas/testing";
import { waitUntilReady } from "./ready-probe.ts";

test("waitUntilReady moves a socket, and removes a link in its place without following it", async () => {
  const folder = tempDir("ready-probe");
  const [from, to, target] = ["listen", "socket", "target"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(target, "untouched");
  symlinkSync(target, from);
  const response = waitUntilReady(to, AbortSignal.timeout(60_000), from);
  await eventually("the link is removed", () => lstatSync(from, { throwIfNoEntry: false }) === undefined);
  assert.equal(existsSync(to), false);
  assert.equal(existsSync(target), true);
  await using server = await listen(from, 200, { status: "ready" });
  assert.deepEqual(await response, { ready: true, status: 200, isWrapper: true });
  assert.ok(server.listening && lstatSync(to).isSocket());
});

test("waitUntilReady returns the detail of a wrapper that cannot load its function", async () => {
  const path = join(tempDir("ready-probe"), "socket");
  await using _ = await listen(path, 502, { code: "FUNCTION_LOAD_FAILED", detail: "main.py:2: ValueError" });
  const response = await waitUntilReady(path, AbortSignal.timeout(60_000));
  assert.deepEqual(response, { ready: false, status: 502, isWrapper: true, detail: "main.py:2: ValueError" });
});

test("waitUntilReady rejects when the signal aborts", async () => {
  const aborter = new AbortController();
  const response = waitUntilReady(join(tempDir("ready-probe"), "socket"), aborter.signal);
  aborter.abort(new Error("the replica was removed"));
  await assert.rejects(response);
});

async function listen(path: string, status: number, body: object): Promise<Server> {
  const server = createServer((_, response) => response.writeHead(status).end(JSON.stringify(body)));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

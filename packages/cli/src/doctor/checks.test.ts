import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { checkDataFolder, checkNode, checkPort, checkServer } from "./checks.ts";

/** A web server that answers every request with this. */
async function answering(t: TestContext, status: number, body: object): Promise<{ url: string; port: number }> {
  const server = createServer((_request, response) => response.writeHead(status).end(JSON.stringify(body)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port };
}

test("the maintained Node lines are good, others are told which are", () => {
  for (const version of ["22.19.0", "22.30.1", "24.0.0", "26.1.0", "28.0.0"]) {
    assert.equal(checkNode(version).status, "ok", version);
  }
  for (const version of ["18.20.0", "20.19.0", "22.18.0", "23.11.0"]) {
    assert.match(checkNode(version).advice ?? "", /22\.19 or newer, 24 or 26/, version);
  }
});

test("a data folder that is not there yet is good when it can be made", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "faas-doctor-"));
  t.after(() => rm(folder, { recursive: true }));
  const check = await checkDataFolder(join(folder, "a/b"));
  assert.notEqual(check.status, "missing");
  assert.match(check.found, /a\/b, \d+\.\d GiB free/);
});

test("a data folder that cannot be made is told, with what to do", async () => {
  const check = await checkDataFolder(join(import.meta.filename, "data"));
  assert.equal(check.status, "missing");
  assert.match(check.advice ?? "", /--data or FAAS_DATA/);
});

test("a port that another program has is told", async (t) => {
  const { port } = await answering(t, 200, {});
  const check = await checkPort("127.0.0.1", port);
  assert.equal(check.status, "warning");
  assert.match(check.found, /another program listens/);
  assert.equal((await checkPort("127.0.0.1", 0)).status, "ok");
});

test("a server that answers is shown with its version; another version than ours is a warning", async (t) => {
  const { url } = await answering(t, 200, { version: "1.2.3", platform: "embedded" });
  assert.deepEqual(await checkServer(url, true, "1.2.3"), {
    name: "server",
    status: "ok",
    found: `${url}, version 1.2.3, platform embedded`,
  });
  assert.equal((await checkServer(url, true, "1.3.0")).status, "warning");
});

test("a server that was named has to answer; the default one may be down", async (t) => {
  const { url } = await answering(t, 404, {});
  const named = await checkServer(url, true, "1.2.3");
  assert.equal(named.status, "missing");
  assert.match(named.found, /no faas server/);
  const unnamed = await checkServer(url, false, "1.2.3");
  assert.equal(unnamed.status, "warning");
  assert.match(unnamed.advice ?? "", /faas up/);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { tempDir } from "@faas/testing";
import { checkDataFolder, checkNode, checkPort, checkServer } from "./checks.ts";

/** Starts a web server that sends every request the same response. */
async function startResponder(t: TestContext, status: number, body: object): Promise<{ url: string; port: number }> {
  const server = createServer((_request, response) => response.writeHead(status).end(JSON.stringify(body)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port };
}

test("checkNode accepts the maintained Node lines and names them for others", () => {
  for (const version of ["22.19.0", "22.30.1", "24.0.0", "26.1.0", "28.0.0"]) {
    assert.equal(checkNode(version).status, "ok", version);
  }
  for (const version of ["18.20.0", "20.19.0", "22.18.0", "23.11.0"]) {
    assert.match(checkNode(version).advice ?? "", /22\.19 or newer, 24 or 26/, version);
  }
});

test("checkDataFolder accepts a missing folder that can be created", async () => {
  const check = await checkDataFolder(join(tempDir("doctor"), "a/b"));
  assert.notEqual(check.status, "missing");
  assert.match(check.found, /a\/b, \d+\.\d GiB free/);
});

test("checkDataFolder advises another folder when it cannot be created", async () => {
  const check = await checkDataFolder(join(import.meta.filename, "data"));
  assert.equal(check.status, "missing");
  assert.match(check.advice ?? "", /--data or FAAS_DATA/);
});

test("checkPort reports a port that another program uses", async (t) => {
  const { port } = await startResponder(t, 200, {});
  const check = await checkPort("127.0.0.1", port);
  assert.equal(check.status, "warning");
  assert.match(check.found, /another program listens/);
  assert.equal((await checkPort("127.0.0.1", 0)).status, "ok");
});

test("checkServer shows the version of the server and warns about another one", async (t) => {
  const { url } = await startResponder(t, 200, { version: "1.2.3", platform: "embedded" });
  assert.deepEqual(await checkServer(url, true, "1.2.3"), {
    name: "server",
    status: "ok",
    found: `${url}, version 1.2.3, platform embedded`,
  });
  assert.equal((await checkServer(url, true, "1.3.0")).status, "warning");
});

test("checkServer requires a named server to respond, and only warns about the default one", async (t) => {
  const { url } = await startResponder(t, 404, {});
  const named = await checkServer(url, true, "1.2.3");
  assert.equal(named.status, "missing");
  assert.match(named.found, /not a faas server/);
  const unnamed = await checkServer(url, false, "1.2.3");
  assert.equal(unnamed.status, "warning");
  assert.match(unnamed.advice ?? "", /faas up/);
});

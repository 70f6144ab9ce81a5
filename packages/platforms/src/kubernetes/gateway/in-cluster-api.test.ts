import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createCertificate, noOpenssl, tempDir } from "@faas/testing";
import { InClusterApi } from "./in-cluster-api.ts";

/** Starts an API server, and a client with the files of a service account. */
async function setUp(t: TestContext, listener: RequestListener) {
  const folder = tempDir("account");
  const { cert, key } = createCertificate(folder, "api");
  await copyFile(cert, join(folder, "ca.crt"));
  await writeFile(join(folder, "token"), "first\n");
  const server = createServer({ cert: await readFile(cert), key: await readFile(key) }, listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const env = { KUBERNETES_SERVICE_HOST: "127.0.0.1", KUBERNETES_SERVICE_PORT: String(port) };
  const api = new InClusterApi({ env, accountFolder: folder });
  t.after(async () => {
    api[Symbol.dispose]();
    server.closeAllConnections();
    server.close();
  });
  return { api, folder, server };
}
const skip = noOpenssl();

test("a request carries the token of the service account, and again after it was renewed", { skip }, async (t) => {
  const tokens: (string | undefined)[] = [];
  const { api, folder } = await setUp(t, ({ headers, url }, response) => {
    tokens.push(headers.authorization);
    if (tokens.length === 2) response.statusCode = 401;
    response.end(JSON.stringify({ url }));
  });
  assert.deepEqual(await api.call("GET", "/api", { query: { limit: "1" } }), { url: "/api?limit=1" });
  await writeFile(join(folder, "token"), "second");
  assert.deepEqual(await api.call("GET", "/api"), { url: "/api" });
  assert.deepEqual(tokens, ["Bearer first", "Bearer first", "Bearer second"]);
});

test("a rejected request reports the reason of the API server", { skip }, async (t) => {
  const { api } = await setUp(t, (_, response) => {
    response.statusCode = 409;
    response.end('{"reason":"Conflict","message":"modified"}');
  });
  await assert.rejects(api.call("PATCH", "/x", { body: {} }), { code: "CLUSTER_REFUSED", reason: "Conflict" });
});

test("a request on a connection that breaks is sent again on another one", { skip }, async (t) => {
  let requests = 0;
  const { api } = await setUp(t, (request, response) => {
    if (++requests === 1) request.socket.destroy();
    else response.end("{}");
  });
  await api.call("GET", "/x");
  assert.equal(requests, 2);
});

test("a stream that is silent for too long fails, and one of an unreachable API server too", { skip }, async (t) => {
  const { api, server } = await setUp(t, (_, response) => void response.write("line\n"));
  const { signal } = new AbortController();
  const body = await api.stream("/watch", {}, 50, signal);
  let text = "";
  await assert.rejects(async () => {
    for await (const chunk of body) text += chunk;
  });
  assert.equal(text, "line\n");
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  await assert.rejects(api.stream("/watch", {}, 50, signal), { code: "CLUSTER_UNREACHABLE" });
});

import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { test } from "node:test";
import { startTestGateway } from "../testing/test-gateway.ts";

/** Responds with the target and the headers it received. */
const echo: RequestListener = ({ url, headers }, response) => {
  response.end(JSON.stringify({ url, headers }));
};

test("serves an endpoint at the root of its own host, with every path", async () => {
  await using gateway = await startTestGateway(() => echo);
  await gateway.run();
  const host = `x.acme.localhost:${gateway.port}`;
  for (const path of ["/", "/a?b", "/?a", "//a", "/-/healthz", "/add_endpoint", "/acme/x/a"]) {
    const { status, json } = await gateway.call(path, { headers: { Host: host, "X-Forwarded-Prefix": "/mine" } });
    const headers = json.headers as Record<string, string>;
    assert.deepEqual([status, json.url], [200, path]);
    assert.equal(headers.host, host);
    assert.equal(headers["x-forwarded-host"], host);
    assert.equal(headers["x-forwarded-prefix"], undefined);
  }
  const absolute = await gateway.call(`http://${host}/a?b`, { headers: { Host: host } });
  assert.equal(absolute.json.url, "/a?b");
  for (const path of ["/../a", "/%00", "*"])
    assert.equal((await gateway.call(path, { headers: { Host: host } })).json.code, "INVALID_PATH", path);
  const { status, json } = await gateway.call("/acme/x", { headers: { Host: "y.acme.localhost" } });
  assert.deepEqual([status, json.code], [404, "ENDPOINT_NOT_FOUND"]);
});

test("takes the host of an absolute target when there is no header Host", async () => {
  await using gateway = await startTestGateway(() => echo);
  await gateway.run();
  const receive = async (head: string) => {
    const socket = gateway.connect();
    socket.write(head);
    let received = "";
    socket.on("data", (chunk) => {
      received += chunk;
    });
    await once(socket, "close");
    return received;
  };
  assert.match(
    await receive("GET http://x.acme.localhost/a HTTP/1.0\r\n\r\n"),
    /"url":"\/a".*"host":"x.acme.localhost"/,
  );
  assert.match(
    await receive("GET http://me@x.acme.localhost/a HTTP/1.0\r\n\r\n"),
    /^HTTP\/1.1 400 .*"INVALID_REQUEST"/s,
  );
});

test("adds the prefix that the function does not know to a redirect", async () => {
  await using gateway = await startTestGateway(() => (request, response) => {
    if (request.url === "/old") response.writeHead(302, { Location: `http://${request.headers.host}/new` }).end();
    else response.end(request.url);
  });
  await gateway.run();
  const origin = `http://127.0.0.1:${gateway.port}`;
  const redirect = await gateway.call("/acme/x/old", { headers: { Host: `127.0.0.1:${gateway.port}` } });
  assert.equal(redirect.headers.location, `${origin}/acme/x/new`);
  const response = await fetch(`${origin}/acme/x/old`);
  assert.deepEqual([response.status, await response.text()], [200, "/new"]);
  const atHost = await gateway.call("/old", { headers: { Host: "x.acme.localhost" } });
  assert.equal(atHost.headers.location, "http://x.acme.localhost/new");
});

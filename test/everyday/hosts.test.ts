import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { text as readText } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { FaasProcess } from "@faas/testing";
import { ServerUnderTest } from "../platform/server-under-test.ts";

/** Application that redirects to an absolute URL, as a browser would see it without a prefix. */
const REDIRECTS = `
export default {
  fetch(request) {
    const url = new URL(request.url);
    if (url.pathname === "/old") return Response.redirect(new URL("/new", request.url), 302);
    return new Response(url.pathname + " " + request.headers.get("x-forwarded-prefix"));
  },
};
`;

/** Application that accepts WebSockets, and sends nothing on them. */
const SILENT = `
async def app(scope, receive, send):
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
    elif scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"REVISION"})
`;

describe("hosts of endpoints, and WebSockets", () => {
  const faas = new FaasProcess();
  let under: ServerUnderTest;
  let url: string;
  const up = async () => {
    under = await ServerUnderTest.start({}, faas);
    url = under.url;
  };
  before(up);
  after(() => faas[Symbol.asyncDispose]());

  /** Sends a request to the server, with the host of another address. */
  async function get(host: string, path = "/"): Promise<readonly [status: number | undefined, text: string]> {
    const request = httpRequest(`${url}${path}`, { headers: { host }, agent: false }).end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    return [response.statusCode, await readText(response)];
  }

  async function opened(socket: WebSocket): Promise<void> {
    await Promise.race([once(socket, "open"), once(socket, "error").then(() => Promise.reject(new Error("no 101")))]);
  }

  async function deploy(name: string, source: string, ...args: string[]): Promise<string> {
    const file = source === REDIRECTS ? "index.mjs" : "main.py";
    const { code, stderr } = await under.deploy(name, { [file]: source }, ...args);
    assert.equal(code, 0, stderr);
    return stderr;
  }

  test("a redirect leads back to the endpoint, below its path and at its own host", async () => {
    const output = await deploy("redirects", REDIRECTS);
    const { port } = new URL(url);
    assert.match(output, new RegExp(`also at: http://redirects\\.acme\\.localhost:${port}/`));
    const followed = await fetch(`${url}/acme/redirects/old`);
    assert.deepEqual([followed.status, await followed.text()], [200, "/new /acme/redirects"]);
    const host = `redirects.acme.localhost:${port}`;
    assert.equal((await get(host, "/old"))[0], 302);
    assert.deepEqual(await get(host, "/add_endpoint"), [200, "/add_endpoint null"]);
  });

  test("a hostname that an admin allows is the endpoint's, also after a restart", async () => {
    const rejected = await under.deploy("shop", { "index.mjs": REDIRECTS }, "--hostname", "shop.example.org");
    assert.match(rejected.stderr, /faas org limit acme --hostnames 'shop\.example\.org' \(HOSTNAME_NOT_ALLOWED\)/);
    assert.equal((await under.run("org", "limit", "acme", "--hostnames", "*.example.org")).code, 0);
    await deploy("shop", REDIRECTS, "--hostname", "shop.example.org");
    assert.deepEqual(await get("Shop.Example.org:80", "/a"), [200, "/a null"]);
    const taken = await under.deploy("other", { "index.mjs": REDIRECTS }, "--hostname", "shop.example.org");
    assert.match(taken.stderr, /shop\.example\.org belongs to acme\/shop.*\(HOSTNAME_TAKEN\)/);
    await faas.kill(under.server);
    await up();
    assert.deepEqual(await get("shop.example.org", "/a"), [200, "/a null"]);
    assert.equal((await under.run("remove", "acme/shop", "--yes")).code, 0);
    assert.equal((await get("shop.example.org", "/a"))[0], 404);
  });

  test("a silent WebSocket keeps its endpoint awake, and a deployment ends it with 1012", async () => {
    const settings = ["--idle-timeout", "300ms", "--timeout", "1s"];
    await deploy("silent", SILENT.replace("REVISION", "one"), ...settings);
    const socket = new WebSocket(`${url.replace("http", "ws")}/acme/silent/`);
    const closed = once(socket, "close");
    await opened(socket);
    // Several decisions of the autoscaler.
    await delay(2_000);
    assert.equal(socket.readyState, WebSocket.OPEN);
    await deploy("silent", SILENT.replace("REVISION", "two"), ...settings);
    const [{ code }] = (await closed) as [CloseEvent];
    assert.equal(code, 1012);
    assert.equal(await (await fetch(`${url}/acme/silent/`)).text(), "two");
  });

  test("a stop of the server ends WebSockets with 1012, and does not wait for them", async () => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/acme/silent/`);
    const closed = once(socket, "close");
    await opened(socket);
    const began = performance.now();
    const stopped = faas.kill(under.server, "SIGTERM");
    const [{ code }] = (await closed) as [CloseEvent];
    assert.equal(code, 1012);
    await stopped;
    assert.ok(performance.now() - began < 9_000);
  });
});

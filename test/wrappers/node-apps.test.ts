import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { eventually, freePort, tempDir } from "@faas/testing";
import { exitOf, start } from "./contract.ts";
import { wrappers } from "./languages.ts";

/** Starts the Node wrapper with a module; `server` settings are those of a detected application. */
const startNode = (text: string, env: Record<string, string> = {}, file = "index.mjs") =>
  start({ ...wrappers.Node, file }, text, env);
const SERVER = { FAAS_APP: "http" };

const listening = (listen: string) => `
import { createServer } from "node:http";
const server = createServer((request, response) => response.end("app " + request.url));
${listen}`;

/** Modules that listen, with settings; each answers "app /x?y=1". */
const listeners: [string, string, Record<string, string>?, string?][] = [
  ["on PORT", listening("server.listen(process.env.PORT);")],
  ["on a port of its own, with a host", listening('server.listen({ port: 3000, host: "localhost" });')],
  ["after a promise", listening("await new Promise((done) => server.listen(3000, done));")],
  ["some time after loading", listening("setTimeout(() => server.listen(3000), 200);")],
  ["long after loading, as a server", listening("setTimeout(() => server.listen(3000), 2_500);"), SERVER],
  ["as the entry point", listening("if (process.argv[1] === import.meta.filename) server.listen(3000);"), SERVER],
  ["while it exports other things", listening('export default { name: "x" }; server.listen(3000);')],
  ["while it exports its main function", listening("export function main() { server.listen(3000); }\nmain();")],
  [
    "as the CommonJS entry point",
    'const server = require("http").createServer((q, s) => s.end("app " + q.url));\nif (require.main === module) server.listen(3000);',
    SERVER,
    "index.cjs",
  ],
  ["over TLS", listening("").replace("node:http", "node:https").replace(");", "); server.listen(3000);")],
  [
    "after one for metrics",
    listening('createServer((q, s) => s.end("metrics")).listen(3001); server.listen(process.env.PORT);'),
  ],
];

const exporting = (name: string, value: string) => `
import { createServer } from "node:http";
const listener = (request, response) => response.end("app " + request.url);
${name} ${value};`;

/** Modules that export an application; each answers "app /x?y=1". */
const exporters: [string, string][] = [
  ["(request, response) function", 'export default (req, res) => { res.end("app " + req.url); }'],
  [
    "async function with unused names",
    'export async function handler(_req, res, next) { res.end("app " + _req.url); }',
  ],
  ["server", exporting("export default", "createServer(listener)")],
  ["promise of a server", exporting("export default", "Promise.resolve(createServer(listener))")],
  ["server by name", exporting("export const server =", "createServer(listener)")],
  [
    "function with middleware, as of Express",
    exporting("export default", "Object.assign(listener, { use() {}, handle() {}, listen() {} })"),
  ],
  ["object with a callback, as of Koa", exporting("export const app =", "{ use() {}, callback: () => listener }")],
  ["object with a handler, as of Polka", exporting("export default", "{ use() {}, listen() {}, handler: listener }")],
  [
    "object to wait for, as of Fastify",
    exporting(
      "let isReady = false; export default",
      '{ inject() {}, ready: async () => { isReady = true; }, server: createServer((q, s) => { if (!isReady) throw new Error("not ready"); listener(q, s); }) }',
    ),
  ],
  [
    "object with an adapter, as of Nest",
    exporting(
      "const server = createServer(); export default",
      "{ init: async () => server.on('request', listener), getHttpAdapter: () => ({ getInstance: () => ({}) }), getHttpServer: () => server }",
    ),
  ],
];

describe("applications for Node", { concurrency: 4 }, () => {
  for (const [name, text, env, file] of listeners)
    test(`a module answers that listens ${name}`, async () => {
      await using wrapper = await startNode(text, env, file);
      assert.equal((await wrapper.call("/x?y=1")).text, "app /x?y=1");
    });

  for (const [name, text] of exporters)
    test(`an exported application answers: ${name}`, async () => {
      await using wrapper = await startNode(text);
      assert.equal((await wrapper.call("/x?y=1")).text, "app /x?y=1");
    });

  test("a module that listens binds no port, and sees the number of PORT", async () => {
    const port = await freePort();
    const listen = `server.listen(${port}, () => console.log(JSON.stringify([server.address(), server.listening, process.env.PORT])));`;
    await using wrapper = await startNode(listening(listen));
    await eventually("the callback", () => wrapper.output().includes("\n"));
    assert.deepEqual(JSON.parse(wrapper.output()), [{ address: "::", family: "IPv6", port: 8080 }, true, "8080"]);
    assert.equal(await accepts(port), false);
  });

  test("other servers of an application listen, and one whose port is in use takes another", async () => {
    const [port, taken] = [await freePort(), await freePort()];
    const text = listening(`
import net from "node:net";
server.listen(3000);
createServer((q, s) => s.end("metrics")).listen(${port});
net.createServer().listen(${taken}, () => createServer().listen(${taken}));
net.createServer().listen(${JSON.stringify(join(tempDir("app"), "own.sock"))}, () => console.log("own socket"));`);
    await using wrapper = await startNode(text);
    await eventually("the servers", () => /own socket/.test(wrapper.output()) && /instead/.test(wrapper.output()));
    assert.equal(await accepts(port), true);
    assert.equal((await wrapper.call("/")).text, "app /");
  });

  test("the server of a function's own listens", async () => {
    const port = await freePort();
    await using wrapper = await startNode(
      listening(`export const handler = () => "function"; server.listen(${port});`),
    );
    assert.equal((await wrapper.call("/")).text, "function");
    await eventually("the server", () => accepts(port));
  });

  test("a handler of SIGTERM closes the server after the requests in flight", async () => {
    const text = `
import { createServer } from "node:http";
const server = createServer((request, response) => { console.log("begun"); setTimeout(() => response.end("ok"), 300); }).listen(3000);
process.on("SIGTERM", () => server.close((error) => { console.log("closed", error, server.listening); process.exit(3); }));`;
    await using wrapper = await startNode(text);
    const answering = wrapper.call("/");
    await eventually("the request to begin", () => wrapper.output().includes("begun"));
    wrapper.child.kill("SIGTERM");
    assert.equal((await answering).text, "ok");
    assert.equal(await exitOf(wrapper.child), 3);
    assert.match(wrapper.output(), /closed undefined false/);
  });

  test("an error in an application is answered with 500 and does not end it", async () => {
    const text = `export default async function (req, res) { if (req.url === "/") throw new Error("boom"); res.end("ok"); }`;
    await using wrapper = await startNode(text);
    const { status, json, headers } = await wrapper.call("/", { headers: { "x-request-id": "mine" } });
    assert.deepEqual([status, json().code, json().detail], [500, "FUNCTION_ERROR", "boom"]);
    assert.equal(headers["x-request-id"], "mine");
    assert.equal((await wrapper.call("/ok")).text, "ok");
  });

  test("an application that answers after its time does not end by that", async () => {
    const text = `export default (req, res) => { setTimeout(() => { res.writeHead(200); res.end("late"); console.log("answered"); }, req.url === "/" ? 600 : 0); }`;
    await using wrapper = await startNode(text, { FAAS_TIMEOUT_MS: "300", FAAS_CONCURRENCY: "1" });
    const { status, json } = await wrapper.call("/");
    assert.deepEqual([status, json().code], [504, "FUNCTION_TIMEOUT"]);
    await eventually("the late answer", () => wrapper.output().includes("answered"));
    assert.equal((await wrapper.call("/again")).text, "late");
  });

  test("the response of an application may take longer than the time limit while it continues", async () => {
    const text = `export default (req, res) => {
  let n = 0;
  res.flushHeaders();
  const timer = setInterval(() => { res.write("x"); if (++n === 10 && req.url === "/") { clearInterval(timer); res.end("end"); } if (n === 3 && req.url !== "/") clearInterval(timer); }, 100);
}`;
    await using wrapper = await startNode(text, { FAAS_TIMEOUT_MS: "400" });
    assert.equal((await wrapper.call("/")).text, `${"x".repeat(10)}end`);
    await assert.rejects(wrapper.call("/silent"));
  });

  test("a body over the limit is 413, also without a declared length", async () => {
    const text = `export default (req, res) => { let n = 0; req.on("data", (d) => n += d.length).on("end", () => res.end(String(n))); }`;
    await using wrapper = await startNode(text, { FAAS_BODY_LIMIT: "1000" });
    const post = (body: string | AsyncIterable<string>) => wrapper.call("/", { method: "POST", body: body as string });
    const chunks = async function* (count: number) {
      for (let i = 0; i < count; i++) yield "x".repeat(100);
    };
    assert.equal((await post("x".repeat(1000))).text, "1000");
    assert.equal((await post(chunks(10))).text, "1000");
    assert.equal((await post("x".repeat(1001))).json().code, "BODY_TOO_LARGE");
    assert.equal((await post(chunks(11))).json().code, "BODY_TOO_LARGE");
  });
});

const broken: [string, RegExp, string, Record<string, string>?][] = [
  ["nothing that listens or is exported", /expected it to export "handler".*listen\(\).*--app http/, "const a = 1;"],
  ["a rejected promise of an application", /no database/, 'export default Promise.reject(new Error("no database"));'],
  [
    "functions that look like those of another platform",
    /exports a, b\..*--signature gcf/,
    "export const a = (req, res) => res.send(1); export const b = (req, res) => res.send(2);",
  ],
  [
    "a function that returns statusCode",
    /"statusCode".*--signature lambda/,
    "export const handler = async (event) => { return { statusCode: event.query.status, body: '' }; };",
  ],
  [
    "processes of node:cluster",
    /node:cluster.*--command/,
    'import cluster from "node:cluster"; if (cluster.isPrimary) cluster.fork();',
  ],
];
for (const [name, detail, text, env] of broken)
  test(`loading fails with advice: ${name}`, async () => {
    await using wrapper = await startNode(text, env);
    const { status, json } = await wrapper.call("/-/ready");
    assert.deepEqual([status, json().code], [502, "FUNCTION_LOAD_FAILED"]);
    assert.match(json().detail, detail);
  });

test("a returned statusCode is an error that names the setting, and JSON with the signature faas", async () => {
  const text =
    "const make = () => ({ statusCode: 201, body: 'x' }); export const handler = () => { const made = make(); return made; };";
  await using wrapper = await startNode(text);
  const { status, json } = await wrapper.call("/");
  assert.deepEqual([status, json().code], [500, "INVALID_RESPONSE"]);
  assert.match(json().detail, /--signature lambda/);
  await using other = await startNode(text, { FAAS_SIGNATURE: "faas" });
  assert.deepEqual((await other.call("/")).json(), { statusCode: 201, body: "x" });
});

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    }).on("error", () => resolve(false));
  });
}

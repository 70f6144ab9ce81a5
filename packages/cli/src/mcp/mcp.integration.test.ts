import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { type TestContext, test } from "node:test";
import { tempDir } from "@faas/testing";
import { main } from "../main.ts";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();

interface Message {
  readonly id?: number;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its fields
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its fields
  readonly result?: any;
  readonly error?: { readonly code: number };
}

/** Starts `faas mcp` in this process, and speaks 2025-11-25 with it. */
async function startAgent(t: TestContext, ...options: string[]) {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const io = { stdin, stdout, stderr, env: { FAAS_SERVER: server.url }, cwd: tempDir("mcp") };
  const ended = main(["mcp", ...options], { ...io, signal: t.signal, exitCode: 0 });
  t.after(async () => {
    stdin.end();
    await ended;
  });
  const messages: Message[] = [];
  const lines = createInterface({ input: stdout }).on("line", (line) => messages.push(JSON.parse(line)));
  const next = async (matches: (message: Message) => boolean): Promise<Message> => {
    for (;;) {
      const found = messages.find(matches);
      if (found) return found;
      await once(lines, "line", { signal: t.signal });
    }
  };
  let lastId = 0;
  const send = (message: object) => stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const request = (method: string, params: object = {}) => {
    const id = ++lastId;
    send({ id, method, params });
    return next((message) => message.id === id);
  };
  const clientInfo = { name: "test", version: "1" };
  await request("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo });
  send({ method: "notifications/initialized" });
  const names = async () => (await request("tools/list")).result.tools.map(({ name }: { name: string }) => name);
  const call = async (name: string, args: object = {}) =>
    (await request("tools/call", { name, arguments: args })).result;
  return { next, request, names, call, end: () => stdin.end(), ended, messages };
}

const CODE = "export const handler = ({ body }) => ({ sum: body.a + body.b });\n";
const TOOL = { description: "Adds", input: { type: "object", properties: { a: { type: "number" } } } };

test("an agent on this machine uses the tools of an organization, and hears when they change", async (t) => {
  const folder = await server.source("adder", CODE);
  await writeFile(join(folder, "tool.json"), JSON.stringify(TOOL));
  const deployed = ["deploy", folder, "--org", "agents", "--endpoint", "add", "--tool", join(folder, "tool.json")];
  assert.equal((await server.run(t, deployed)).code, 0);
  const agent = await startAgent(t, "--org", "agents");
  assert.deepEqual(await agent.names(), ["add"]);
  assert.deepEqual((await agent.call("add", { a: 1, b: 2 })).structuredContent, { sum: 3 });
  assert.match((await agent.call("add", { a: "1" })).content[0].text, /\/a must be number/);
  assert.equal((await agent.request("tools/call", { name: "faas_list", arguments: {} })).error?.code, -32602);
  const described = ["config", "agents/add", `tool=${JSON.stringify({ ...TOOL, name: "plus" })}`];
  assert.equal((await server.run(t, described)).code, 0);
  await agent.next(({ method }) => method === "notifications/tools/list_changed");
  assert.deepEqual(await agent.names(), ["plus"]);
  agent.end();
  assert.equal(await agent.ended, 0);
});

test("an agent deploys, describes, calls and reads logs with --manage", async (t) => {
  const folder = await server.source(
    "managed",
    "export const handler = () => { console.log('hi'); return 'called'; };\n",
  );
  const agent = await startAgent(t, "--manage");
  assert.deepEqual(await agent.names(), ["faas_deploy", "faas_logs", "faas_describe", "faas_list", "faas_invoke"]);
  const deployed = await agent.call("faas_deploy", { folder, org: "agents", endpoint: "managed" });
  assert.match(deployed.content[0].text, /\/agents\/managed\n$/);
  const called = await agent.call("faas_invoke", { endpoint: "agents/managed", data: "{}" });
  assert.equal(called.content[0].text, "called");
  const described = await agent.call("faas_describe", { endpoint: "agents/managed" });
  assert.equal(JSON.parse(described.content[0].text).endpoint, "managed");
  assert.match((await agent.call("faas_logs", { endpoint: "agents/managed" })).content[0].text, /^hi$/m);
  assert.match((await agent.call("faas_list", { org: "agents" })).content[0].text, /"managed"/);
  const missing = await agent.call("faas_describe", { endpoint: "agents/nothing" });
  assert.deepEqual([missing.isError, /ENDPOINT_NOT_FOUND/.test(missing.content[0].text)], [true, true]);
});

test("an agent deploys the first tool of an organization with --manage, and is notified of it", async (t) => {
  const folder = await server.source("first", CODE);
  await writeFile(join(folder, "faas.json"), JSON.stringify({ org: "fresh", endpoint: "first", tool: TOOL }));
  const agent = await startAgent(t, "--org", "fresh", "--manage");
  assert.ok((await agent.names()).includes("faas_deploy"));
  assert.equal((await agent.call("faas_deploy", { folder })).isError, undefined);
  await agent.next(({ method }) => method === "notifications/tools/list_changed");
  assert.ok((await agent.names()).includes("first"));
});

test("the arguments of the tools for managing endpoints are checked", async (t) => {
  const agent = await startAgent(t, "--manage");
  const textOf = async (name: string, args: object) => {
    const { content, isError } = await agent.call(name, args);
    return isError && content[0].text;
  };
  assert.equal(await textOf("faas_describe", {}), 'Expected the argument "endpoint", got none');
  assert.match(await textOf("faas_invoke", { endpoint: "a/b", data: { a: 1 } }), /"data" to be text, got {"a":1}/);
  assert.match(await textOf("faas_logs", { endpoint: "a/b", tail: "9" }), /"tail" to be a whole number, got "9"/);
  assert.match(await textOf("faas_list", { organization: "a" }), /Expected the arguments org, got "organization"/);
});

test("an agent learns that another program responds in place of the server, or ends its response early", async (t) => {
  const other = createServer((request, response) => {
    if (request.method === "GET") return void response.writeHead(404).end();
    if (!request.url?.includes("broken")) return void response.end("<html>");
    response.writeHead(200, { "content-type": "text/event-stream" }).write(": \n\n", () => response.destroy());
  }).listen(0, "127.0.0.1");
  t.after(() => other.close());
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  for (const [org, reason] of [
    ["html", /got "<html>".* \(SERVER_INCOMPATIBLE\)$/],
    ["broken", /\(ANSWER_INCOMPLETE\)$/],
  ] as const) {
    const agent = await startAgent(t, "--org", org, "--server", `http://127.0.0.1:${port}`);
    const { content, isError } = await agent.call("any");
    assert.deepEqual([isError, reason.test(content[0].text)], [true, true], content[0].text);
  }
});

test("mcp needs an organization or --manage", async (t) => {
  const { code, stderr } = await server.run(t, ["mcp"]);
  assert.deepEqual([code, /Expected --org ORG/.test(stderr)], [2, true]);
});

test("--tool reports what is wrong with a tool", async (t) => {
  const folder = await server.source("adder", CODE);
  for (const [tool, expected] of [
    ["{}", /In the `--tool` option: "description": expected text, got nothing/],
    ["missing.json", /cannot be read \(ENOENT\)/],
    ['{"description": "a", "name": "b c"}', /"name": expected at most 64 letters/],
  ] as const) {
    const { code, stderr } = await server.run(t, ["deploy", folder, "--org", "agents", "--tool", tool]);
    assert.equal(code, 2);
    assert.match(stderr, expected);
  }
});

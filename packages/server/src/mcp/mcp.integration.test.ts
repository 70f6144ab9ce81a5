import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ToolSettings } from "@faas/core";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Endpoints as tools, through the HTTP interface, in both generations of the protocol. */

const server = await testControl({ auth: true });
const CODE = `
export const handler = async ({ path, body, headers, method }) => {
  if (path === "/error") return { status: 422, headers: { "content-type": "text/plain" }, body: "no such city" };
  if (path === "/throw") throw new Error("no database");
  if (path === "/list") return [1, 2];
  if (path === "/text") return "plain";
  if (path === "/image") return { status: 200, headers: { "content-type": "image/png" }, body: Buffer.from([1, 2, 3]) };
  if (path === "/zip") return { status: 200, headers: { "content-type": "application/zip" }, body: Buffer.from([4]) };
  if (path === "/job" && Number(headers["x-faas-attempt"]) < 2) return { status: 503 };
  if (path === "/once") return body.exit ? process.exit(3) : "a".repeat(body.length);
  if (path === "/wait") return { status: 200, headers: { "content-type": "text/event-stream" }, body: steps(200) };
  if (path === "/stream") return { status: 200, headers: { "content-type": "text/event-stream" }, body: steps() };
  return { method, args: body, attempt: headers["x-faas-attempt"] ?? null };
};
async function* steps(ms = 0) {
  for (const event of ['{"progress": 1, "total": 2, "message": "half"}', "almost", '{"sum": 3}']) {
    yield "data: " + event + "\\n\\n";
    await new Promise((done) => setTimeout(done, ms));
  }
}`;
const bundle = await functionBundle(CODE);
assert.equal((await server.upload(bundle)).status, 201);
const artifact = { kind: "bundle", digest: digestOf(bundle) };

async function register(endpoint: string, tool: ToolSettings | null, more: object = {}) {
  return server.send("PUT", `/-/orgs/acme/endpoints/${endpoint}`, {
    artifact,
    settings: { replicas: 0, tool, ...more },
  });
}
const input = { type: "object", properties: { city: { type: "string" } }, required: ["city"] } as const;
await register("echo", { description: "Echoes", title: "Echo", input, annotations: { readOnlyHint: true } });
await register("open", { description: "Open", path: "/text" }, { visibility: "public" });
for (const path of ["error", "throw", "list", "image", "stream", "zip"])
  await register(path, { description: path, path: `/${path}` });
await register("job", { description: "Slow", path: "/job", async: true }, { async: { backoff: "1ms" } });
await register("once", { description: "Once", path: "/once", async: true }, { async: { attempts: 1 } });
await register("wrong", { description: "Wrong", output: { type: "object", required: ["sum"] } });
await register("plain", null);
const key = await server.key("acme", "invoke");
await server.send("PUT", "/-/orgs/other", {});

const MODERN = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

interface Message {
  readonly method?: string;
  readonly params?: { readonly progressToken?: string; readonly progress: number };
}

/** Sends a request of a generation, and returns the messages of the response, the last of which is its result or error. */
async function rpc(
  generation: "2026-07-28" | "2025-11-25",
  method: string,
  params: Record<string, unknown> = {},
  { token = key, org = "acme" } = {},
) {
  const isModern = generation === "2026-07-28";
  const meta = { ...(isModern ? MODERN : {}), ...((params._meta as object) ?? {}) };
  const response = await fetch(`${server.url}/-/orgs/${org}/mcp`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      "MCP-Protocol-Version": generation,
      ...(isModern ? { "Mcp-Method": method, ...(params.name ? { "Mcp-Name": String(params.name) } : {}) } : {}),
      Authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } }),
  });
  const text = await response.text();
  const isEvents = response.headers.get("content-type")?.startsWith("text/event-stream");
  const messages = isEvents
    ? [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => JSON.parse(data as string))
    : [JSON.parse(text)];
  return { status: response.status, messages, ...messages.at(-1) };
}

for (const generation of ["2026-07-28", "2025-11-25"] as const)
  describe(`tools in ${generation}`, () => {
    const call = async (name: string, args: object = {}, more: object = {}) =>
      (await rpc(generation, "tools/call", { name, arguments: args, ...more })).result;

    test("are the endpoints with the setting, by name", async () => {
      const { result } = await rpc(generation, "tools/list");
      assert.deepEqual(
        result.tools.map(({ name }: { name: string }) => name),
        ["echo", "error", "image", "job", "list", "once", "open", "stream", "throw", "wrong", "zip"],
      );
      assert.deepEqual(result.tools[0], {
        ...{ name: "echo", title: "Echo", description: "Echoes", inputSchema: input },
        annotations: { readOnlyHint: true },
      });
    });

    test("get their arguments as the body of a POST, and respond with structured content", async () => {
      const { structuredContent, content } = await call("echo", { city: "Ulm" });
      assert.deepEqual(structuredContent, { method: "POST", args: { city: "Ulm" }, attempt: null });
      assert.deepEqual(JSON.parse(content[0].text), structuredContent);
    });

    test("respond with text, images and files as such", async () => {
      assert.deepEqual((await call("open")).content, [{ type: "text", text: "plain" }]);
      assert.deepEqual((await call("image")).content, [{ type: "image", data: "AQID", mimeType: "image/png" }]);
      assert.deepEqual((await call("zip")).content[0].resource, {
        ...{ uri: "faas:/-/orgs/acme/mcp/tools/zip", mimeType: "application/zip", blob: "BA==" },
      });
      const list = await call("list");
      assert.deepEqual([list.content[0].text, list.structuredContent], ["[1,2]", undefined]);
    });

    test("have the errors of their functions as results", async () => {
      const failed = await call("error");
      assert.deepEqual([failed.isError, failed.content[0].text], [true, "no such city"]);
      assert.match((await call("throw")).content[0].text, /^no database.* \(FUNCTION_ERROR\)$/);
    });

    test("reject arguments that do not match the schema, and say how", async () => {
      const { isError, content } = await call("echo", { city: 1 });
      assert.deepEqual(
        [isError, content[0].text],
        [true, 'Invalid arguments for the tool "echo": /city must be string'],
      );
      assert.match((await call("wrong")).content[0].text, /output schema: .*'sum'/);
    });

    test("that are asynchronous are repeated until they succeed, and report progress", async () => {
      const { messages, result } = await rpc(generation, "tools/call", {
        ...{ name: "job", arguments: {}, _meta: { progressToken: "p" } },
      });
      assert.equal(result.structuredContent.attempt, "2");
      assert.ok(messages.some(({ params }: Message) => params?.progressToken === "p" && params.progress > 0));
    });

    test("that stream events report each as progress, and the last one is the result", async () => {
      const { messages, result } = await rpc(generation, "tools/call", {
        ...{ name: "stream", arguments: {}, _meta: { progressToken: 7 } },
      });
      assert.deepEqual(
        messages.slice(0, -1).map(({ params }: Message) => params),
        [
          { progressToken: 7, progress: 1, total: 2, message: "half" },
          { progressToken: 7, progress: 2, message: "almost" },
        ],
      );
      assert.deepEqual(result.structuredContent, { sum: 3 });
      assert.equal(
        (await rpc(generation, "tools/call", { name: "stream" })).messages.length,
        1,
        "only if it is asked for",
      );
    });

    test("that do not exist are errors of the protocol", async () => {
      const { error } = await rpc(generation, "tools/call", { name: "plain", arguments: {} });
      assert.equal(error.code, -32602);
      assert.match(error.message, /Unknown tool "plain"/);
    });

    test("are visible and can be called as far as the key allows", async () => {
      const token = await server.key("acme", "read");
      const { result } = await rpc(generation, "tools/list", {}, { token });
      assert.deepEqual(
        result.tools.map(({ name }: { name: string }) => name),
        ["open"],
      );
      const called = (name: string) => rpc(generation, "tools/call", { name, arguments: {} }, { token });
      assert.match((await called("echo")).result.content[0].text, /scope invoke or deploy.*FORBIDDEN/);
      assert.equal((await called("open")).result.content[0].text, "plain");
      const other = await server.key("other", "deploy");
      assert.equal((await rpc(generation, "tools/list", {}, { token: other })).status, 404);
      assert.equal((await rpc(generation, "tools/list", {}, { token: "" })).status, 401);
    });
  });

/** Opens a stream of a generation that waits for changes of the list. Returns the next message of it. */
async function subscribe(generation: "2026-07-28" | "2025-11-25", signal: AbortSignal) {
  const headers = { Authorization: `Bearer ${key}`, Accept: "application/json, text/event-stream" };
  const listen = {
    ...{ jsonrpc: "2.0", id: 1, method: "subscriptions/listen" },
    params: { notifications: { toolsListChanged: true }, _meta: MODERN },
  };
  const url = `${server.url}/-/orgs/acme/mcp`;
  const response =
    generation === "2025-11-25"
      ? await fetch(url, { headers, signal })
      : await fetch(url, {
          ...{ method: "POST", signal, body: JSON.stringify(listen) },
          headers: {
            ...headers,
            "Content-Type": "application/json",
            "MCP-Protocol-Version": generation,
            "Mcp-Method": listen.method,
          },
        });
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  const text = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  return async (): Promise<Message> => {
    for (;;) {
      const [whole = "", data] = /^data: (.+)\n\n/m.exec(rest) ?? [];
      rest = rest.slice(rest.indexOf(whole) + whole.length);
      if (data !== undefined) return JSON.parse(data);
      rest += (await text?.read())?.value ?? "";
    }
  };
}

test("an asynchronous tool that fails without a response has the code, and the name of the call", async () => {
  const params = { name: "once", arguments: { exit: true } };
  const { result } = await rpc("2025-11-25", "tools/call", params);
  assert.match(result.content[0].text, / \(REPLICA_EXITED\)$/);
  assert.deepEqual([result.isError, /^acme\/\w+$/.test(result._meta.call)], [true, true]);
});

test("the result of an asynchronous tool is limited as that of another", async () => {
  const params = { name: "once", arguments: { length: 4 * 2 ** 20 + 1 } };
  const { result } = await rpc("2025-11-25", "tools/call", params);
  assert.match(result.content[0].text, /has 4194305 bytes: expected at most 4194304/);
});

test("agents of both generations are notified when the tools change, and not of other changes", async () => {
  const ending = new AbortController();
  const [modern, legacy] = [await subscribe("2026-07-28", ending.signal), await subscribe("2025-11-25", ending.signal)];
  assert.equal((await modern()).method, "notifications/subscriptions/acknowledged");
  await register("plain", null, { timeout: "10s" });
  await register("open", { description: "Open to all", path: "/text" }, { visibility: "public" });
  for (const next of [modern, legacy]) assert.equal((await next()).method, "notifications/tools/list_changed");
  const { result } = await rpc("2026-07-28", "tools/list");
  assert.equal(result.tools.find(({ name }: { name: string }) => name === "open").description, "Open to all");
  ending.abort();
});

test("a tool with an invalid schema or the name of another one cannot be deployed", async () => {
  const invalid = await register("bad", { description: "Bad", input: { type: "object", properties: 1 } });
  assert.equal(invalid.problem.code, "INVALID_REQUEST");
  assert.match(invalid.problem.detail, /Expected "tool.input" to be a JSON Schema/);
  const taken = await register("bad", { description: "Bad", name: "echo" });
  assert.deepEqual([taken.status, taken.problem.code], [409, "TOOL_NAME_TAKEN"]);
});

test("a call in progress is finished when the server stops", async () => {
  await register("wait", { description: "Waits", path: "/wait" });
  const params = { name: "wait", arguments: {}, _meta: { progressToken: 1 } };
  const response = await fetch(`${server.url}/-/orgs/acme/mcp`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json, text/event-stream",
      Authorization: `Bearer ${key}`,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
  const chunks = response.body?.pipeThrough(new TextDecoderStream()) ?? [];
  let text = "";
  let stopped: Promise<void> | undefined;
  for await (const chunk of chunks) {
    text += chunk;
    stopped ??= server.stop();
  }
  await stopped;
  assert.match(text, /"message":"half"/);
  assert.match(text, /"structuredContent":{"sum":3}/);
});

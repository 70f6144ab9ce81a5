import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "@faas/testing";
import { exitOf, start } from "./contract.ts";
import { wrappers } from "./languages.ts";

const startNode = (text: string, env: Record<string, string> = {}, file = "index.mjs") =>
  start({ ...wrappers.Node, file }, text, env);

const SETTINGS = { GREETING: "hello", FAAS_TEST: "platform" };
/** Reports the arguments of `fetch(request, env, ctx)`. */
const REPORT = `Response.json({ url: request.url, greeting: env.GREETING, names: Object.keys(env), id: env.requestId, own: ctx.requestId, waits: typeof ctx.waitUntil })`;

const workers: [string, string, Record<string, string>?][] = [
  ["a Worker", `export default { async fetch(request, env, ctx) { return ${REPORT}; } };`],
  ["rest parameters, as of Hono", `export default { fetch: (request, ...[env, ctx]) => ${REPORT} };`],
  [
    "a function with a member fetch",
    `export default Object.assign(() => 1, { fetch(request, env, ctx) { return ${REPORT}; } });`,
  ],
  [
    "a function of two parameters with a member fetch, as of GraphQL Yoga",
    `const members = { fetch: (request, env, ctx) => ${REPORT}, toString: () => "[object Object]" };
export default new Proxy((request) => 1, { has: (target, name) => name in members, get: (target, name) => members[name] ?? target[name] });`,
  ],
  ["a promise", `export default Promise.resolve({ fetch(request, env, ctx) { return ${REPORT}; } });`],
  ["an export called app", `export const app = { fetch(request, env, ctx) { return ${REPORT}; } };`],
  ["an export called fetch", `export function fetch(request, env, ctx) { return ${REPORT}; }`],
  ["a function, with the setting", `export default (request, env, ctx) => ${REPORT};`, { FAAS_APP: "fetch" }],
];

describe("web-standard fetch", { concurrency: 4 }, () => {
  for (const [name, text, env] of workers)
    test(`gets the request, the settings and a context: ${name}`, async () => {
      await using wrapper = await startNode(text, { ...SETTINGS, ...env });
      const headers = {
        "x-request-id": "me",
        "x-forwarded-host": "api.example.com, inner",
        "x-forwarded-proto": "https",
      };
      assert.deepEqual((await wrapper.call("//a/b?x=%20", { headers })).json(), {
        url: "https://api.example.com//a/b?x=%20",
        greeting: "hello",
        names: ["GREETING"],
        id: "me",
        own: "me",
        waits: "function",
      });
    });

  test("gets the context if its second parameter is called so", async () => {
    const text = "export default { fetch(request, context) { return Response.json(context); } };";
    await using wrapper = await startNode(text, SETTINGS);
    const { deadline, ...rest } = (await wrapper.call("/", { headers: { "x-request-id": "me" } })).json();
    assert.equal(typeof deadline, "number");
    assert.deepEqual(rest, { org: "acme", endpoint: "it", revision: "rev1", requestId: "me" });
  });

  test("a drain waits for the promises of waitUntil, and a rejected one is logged", async () => {
    const text = `export default { fetch(request, env, { waitUntil }) {
  waitUntil(Promise.reject(new Error("no queue")));
  waitUntil(new Promise((done) => setTimeout(done, 300)).then(() => { waitUntil(Promise.resolve()); console.log("worked"); }));
  return new Response("sent");
} };`;
    await using wrapper = await startNode(text);
    assert.equal((await wrapper.call("/")).text, "sent");
    wrapper.child.kill("SIGTERM");
    assert.equal(await exitOf(wrapper.child), 0);
    assert.match(wrapper.output(), /waitUntil: no queue[\s\S]*worked/);
  });

  for (const [file, prefix] of [
    ["index.mjs", ""],
    ["index.js", "self."],
  ] as const)
    test(`the syntax of service workers works in ${file}`, async () => {
      const text = `${prefix}addEventListener("fetch", (event) => { event.respondWith(respond(event)); event.waitUntil(Promise.resolve()); });
async function respond({ request, type }) { return new Response(type + " " + new URL(request.url).pathname + " " + GREETING); }`;
      await using wrapper = await startNode(text, SETTINGS, file);
      assert.equal((await wrapper.call("/x")).text, "fetch /x hello");
    });

  test("the Response of a library is sent like Node's", async () => {
    const text = `export default { fetch: () => ({ status: 201, headers: new Headers({ "x-a": "1" }), body: (async function* () { yield "made"; })() }) };`;
    await using wrapper = await startNode(text);
    const { status, headers, text: body } = await wrapper.call("/");
    assert.deepEqual([status, headers["x-a"], body], [201, "1", "made"]);
  });

  test("a module without fetch is a load error with that setting", async () => {
    await using wrapper = await startNode("export const handler = 1;", { FAAS_APP: "fetch" });
    await eventually("the log", () => wrapper.output().includes("fetch"));
    assert.match((await wrapper.call("/")).json().detail, /expected "handler" to have a function fetch, got number/);
  });
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "@faas/testing";
import { start } from "../contract.ts";
import { wrappers } from "../languages.ts";

const node = { ...wrappers.Node, file: "index.js" };
const form = {
  method: "POST" as const,
  headers: { "content-type": "application/x-www-form-urlencoded" },
  body: "a=1&a=2&b=3",
};

describe("functions for Google Cloud in Node, without the framework", { concurrency: true }, () => {
  test("get a request as in Express, under any name", async () => {
    await using wrapper = await start(
      node,
      `exports.helloWorld = (req, res) => {
        const { method, path, query, body, rawBody, originalUrl } = req;
        res.status(201).set("X-A", "1").set({ "X-B": ["1", "2"] }).json({ method, path, query, body, raw: String(rawBody), originalUrl, type: req.get("Content-Type") });
      };`,
    );
    const { status, headers, json } = await wrapper.call("/p?x=1", form);
    assert.deepEqual([status, headers["x-a"], headers["x-b"]], [201, "1", ["1", "2"]]);
    assert.equal(headers["content-type"], "application/json; charset=utf-8");
    const { type, raw, body, ...others } = json();
    assert.deepEqual([type, raw, body], [form.headers["content-type"], form.body, { a: ["1", "2"], b: "3" }]);
    assert.deepEqual(others, { method: "POST", path: "/p", query: { x: "1" }, originalUrl: "/p?x=1" });
  });

  test("respond with the methods of Express", async () => {
    await using wrapper = await start(
      node,
      `exports.handler = async (req, res) => {
        switch (req.path) {
          case "/text": return res.send("<b>");
          case "/object": return res.send({ a: 1 });
          case "/bytes": return res.type("png").send(Buffer.from([0, 255]));
          case "/status": return res.sendStatus(404);
          case "/redirect": return res.redirect("/text");
          case "/redirect-301": return res.redirect(301, "/ü");
          case "/cookie": return res.cookie("a", "b c", { httpOnly: true, sameSite: "lax" }).append("X-A", "1").append("X-A", "2").end("x");
          case "/throw": throw new Error("boom");
          case "/no-content": return res.status(204).send("x");
          case "/stream": res.write("a"); setTimeout(() => res.end("b"), 10);
        }
      };`,
    );
    const answer = async (path: string) => {
      const { status, headers, text } = await wrapper.call(path);
      return [status, headers["content-type"], headers.location ?? text];
    };
    assert.deepEqual(await answer("/text"), [200, "text/html; charset=utf-8", "<b>"]);
    assert.deepEqual(await answer("/object"), [200, "application/json; charset=utf-8", '{"a":1}']);
    assert.deepEqual(await answer("/status"), [404, "text/plain; charset=utf-8", "Not Found"]);
    assert.deepEqual(await answer("/redirect"), [302, "text/plain; charset=utf-8", "/text"]);
    assert.deepEqual(await answer("/redirect-301"), [301, "text/plain; charset=utf-8", "/%C3%BC"]);
    assert.deepEqual(await answer("/no-content"), [204, undefined, ""]);
    assert.deepEqual(await answer("/stream"), [200, undefined, "ab"]);
    assert.equal((await wrapper.call("/bytes")).bytes.length, 2);
    const { headers } = await wrapper.call("/cookie");
    assert.deepEqual([headers["set-cookie"], headers["x-a"]], ["a=b%20c; Path=/; HttpOnly; SameSite=Lax", ["1", "2"]]);
    const { status, json } = await wrapper.call("/throw");
    assert.deepEqual([status, json().code, json().detail], [500, "FUNCTION_ERROR", "boom"]);
  });

  test("get background events and CloudEvents", async () => {
    await using wrapper = await start(
      node,
      `exports.onMessage = (data, context, callback) => {
        console.log("got", data.a, context.eventId);
        callback(data.a === 2 ? new Error("boom") : null);
      };`,
      { FAAS_SIGNATURE: "gcf", FAAS_HANDLER: "index.onMessage" },
    );
    const json = { "content-type": "application/json" };
    const body = JSON.stringify({ data: { a: 1 }, context: { eventId: "7" } });
    assert.equal((await wrapper.call("/", { method: "POST", headers: json, body })).status, 204);
    const event = { ...json, "ce-id": "8", "ce-source": "/", "ce-type": "t", "ce-specversion": "1.0" };
    assert.equal((await wrapper.call("/", { method: "POST", headers: event, body: '{"a":2}' })).status, 500);
    await eventually("the output", () => wrapper.output().includes("got 1 7\ngot 2 8"));
  });

  test("are chosen by FUNCTION_TARGET", async () => {
    const text = 'exports.a = (req, res) => res.send("a"); exports.b = (req, res) => res.send("b");';
    await using wrapper = await start(node, text, { FUNCTION_TARGET: "b" });
    assert.equal((await wrapper.call("/")).text, "b");
  });
});

describe("functions for Knative in Node", { concurrency: true }, () => {
  test("get the context and the body, and set the response", async () => {
    await using wrapper = await start(
      node,
      `let isReady = false;
      module.exports = {
        init: async () => { await 0; isReady = true; },
        handle: async (context, body) => {
          context.log.info("called");
          const { method, query, httpVersion, contentType } = context;
          if (query.text) return "text";
          if (query.nothing) return;
          return { statusCode: 201, headers: { "X-A": "1" }, body: { isReady, method, a: context.a, httpVersion, contentType, body } };
        },
      };`,
    );
    const { status, headers, json } = await wrapper.call("/?a=1", form);
    assert.deepEqual([status, headers["x-a"], headers["access-control-allow-origin"]], [201, "1", "*"]);
    const [contentType, body] = [form.headers["content-type"], { a: ["1", "2"], b: "3" }];
    assert.deepEqual(json(), { isReady: true, method: "POST", a: "1", httpVersion: "1.1", contentType, body });
    assert.equal((await wrapper.call("/?text=1")).headers["content-type"], "text/plain; charset=utf-8");
    assert.equal((await wrapper.call("/?nothing=1")).status, 204);
    const logged = /"level":"info","requestId":"[^"]+","message":"called"/;
    await eventually("the output", () => logged.test(wrapper.output()));
  });

  test("answer CloudEvents", async () => {
    await using wrapper = await start(
      node,
      `exports.handle = async (context, event) =>
        context.cloudEventResponse({ got: event.data, type: context.cloudevent.type }).type("answer").source("/me").response();`,
    );
    const headers = {
      "ce-id": "1",
      "ce-source": "/",
      "ce-type": "t",
      "ce-specversion": "1.0",
      "content-type": "application/json",
    };
    const answer = await wrapper.call("/", { method: "POST", headers, body: '{"a":1}' });
    assert.deepEqual(answer.json(), { got: { a: 1 }, type: "t" });
    assert.deepEqual([answer.headers["ce-type"], answer.headers["ce-source"]], ["answer", "/me"]);
    assert.match(String(answer.headers["ce-id"]), /^[\da-f-]{36}$/);
  });
});

test("functions for Fission get a context, and return or call back with the response", async () => {
  const texts = [
    "module.exports = async function (context) { return { status: 201, body: { a: context.request.query.a }, headers: { 'X-A': '1' } }; }",
    "module.exports = function (context, callback) { callback(201, { a: context.request.query.a }, { 'X-A': '1' }); }",
  ];
  for (const text of texts) {
    await using wrapper = await start(node, text);
    const { status, headers, json } = await wrapper.call("/?a=1");
    assert.deepEqual([status, headers["x-a"], json()], [201, "1", { a: "1" }]);
  }
});

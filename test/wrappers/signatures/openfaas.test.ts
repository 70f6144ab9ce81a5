import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Started, start } from "../contract.ts";
import { wrappers } from "../languages.ts";

const node = { ...wrappers.Node, file: "handler.js" };
const python = { ...wrappers.Python, file: "handler.py" };

/** Functions of the templates with an event and a context: the same in each language. */
const languages = [
  {
    name: "Node",
    language: node,
    text: `"use strict"
module.exports = async (event, context) => {
  const { method, path, query, headers, body } = event;
  if (path === "/text") return context.status(200).succeed("text");
  if (path === "/nothing") return context.succeed();
  return context.status(202).headers({ "X-A": "1" }).succeed({ method, path, a: query.a, type: headers["content-type"], body });
}`,
  },
  {
    name: "Python",
    language: python,
    text: `
def handle(event, context):
    if event.path == "/text":
        return {"statusCode": 200, "body": "text"}
    if event.path == "/nothing":
        return None
    body = event.body.decode()
    return {
        "statusCode": 202,
        "headers": {"X-A": "1"},
        "body": {"method": event.method, "path": event.path, "a": event.query.get("a"), "type": event.headers.get("Content-Type"), "body": body},
    }
`,
  },
];

for (const { name, language, text } of languages) {
  describe(`a function of OpenFaaS with an event in ${name}`, () => {
    let wrapper: Started;
    before(async () => {
      wrapper = await start(language, text);
    });
    after(() => wrapper[Symbol.asyncDispose]());

    test("gets the event, and sets status, headers and body", async () => {
      const { status, headers, json } = await wrapper.call("/p?a=b%20c", {
        method: "POST",
        headers: { "content-type": "text/plain" },
        body: "hi",
      });
      assert.deepEqual([status, headers["x-a"], headers["content-type"]], [202, "1", "application/json"]);
      assert.deepEqual(json(), { method: "POST", path: "/p", a: "b c", type: "text/plain", body: "hi" });
    });

    test("sends text as its template does", async () => {
      const { headers, text: body } = await wrapper.call("/text");
      assert.deepEqual([headers["content-type"], body], ["text/html; charset=utf-8", "text"]);
    });

    test("sends an empty response without a result", async () => {
      const { status, text: body } = await wrapper.call("/nothing");
      assert.deepEqual([status, body], [200, ""]);
    });
  });
}

describe("functions of OpenFaaS", { concurrency: true }, () => {
  const post = { method: "POST", body: '{"a":1}', headers: { "content-type": "application/json" } };
  const functions: [string, typeof node | typeof python, string, number, string][] = [
    [
      "a parsed body",
      node,
      "module.exports = async (event, context) => { context.status(201); return event.body; }",
      201,
      '{"a":1}',
    ],
    [
      "a callback",
      node,
      "module.exports = (event, context, callback) => { setTimeout(() => callback(undefined, 'x'), 5); }",
      200,
      "x",
    ],
    [
      "context.fail",
      node,
      "module.exports = async (event, context) => { context.fail(new Error('bad')); }",
      500,
      "Error: bad",
    ],
    [
      "context.fail with a status",
      node,
      "module.exports = async (event, context) => context.status(400).fail('bad')",
      400,
      "bad",
    ],
    [
      "the body as text",
      node,
      "module.exports = (context, callback) => { callback(undefined, { got: context }); }",
      200,
      '{"got":"{\\"a\\":1}"}',
    ],
    ["the body as text", python, "def handle(req):\n    return 'got ' + req\n", 200, 'got {"a":1}'],
    ["a tuple as in Flask", python, "def handle(req):\n    return 'no', 404, {'X-A': '1'}\n", 404, "no"],
    ["an object", python, "def handle(req):\n    return {'a': req[0]}\n", 200, '{"a":"{"}'],
  ];
  for (const [what, language, text, status, expected] of functions) {
    test(`support ${what} in ${language.file}: ${expected}`, async () => {
      await using wrapper = await start(language, text);
      const answer = await wrapper.call("/", post);
      assert.deepEqual([answer.status, answer.text], [status, expected]);
    });
  }

  test("get bytes with RAW_BODY", async () => {
    for (const [language, text] of [
      [node, "module.exports = async (event, context) => context.succeed(String(Buffer.isBuffer(event.body)))"],
      [python, "def handle(req):\n    return str(type(req) is bytes).lower()\n"],
    ] as const) {
      await using wrapper = await start(language, text, { RAW_BODY: "true", FAAS_SIGNATURE: "openfaas" });
      assert.equal((await wrapper.call("/", post)).text, "true");
    }
  });
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { likelySignature, recognizeSignature } from "../../../packages/wrappers/node/src/signatures/detect.ts";
import { parametersOf, type UserFunction } from "../../../packages/wrappers/node/src/signatures/function-source.ts";
import { mayBeForeign } from "../../../packages/wrappers/node/src/signatures/hints.ts";

const functionOf = (text: string): UserFunction => new Function(`return (${text})`)();

describe("recognizeSignature", () => {
  const ours: [string, string?][] = [
    ["(event) => event.path"],
    ["(event, context) => { context.log.info(event.body); return { status: 200, body: 'statusCode' }; }"],
    ["async ({ method, path, query, headers, body, rawBody }, { signal, log }) => body"],
    ["(event, context) => ({ statusCode: 200, body: event.query.a })"],
    [
      "async (event) => { const response = await fetch('http://x/'); return { upstream: response.statusCode, body: await response.text() }; }",
    ],
    ["(context) => context.path"],
    ["(request) => ({ status: 200, body: request.body })"],
    ["(event, context) => { /* context.succeed(event.rawPath) */ return 1; }"],
    ["(event, context) => { // context.status(200)\n return 1; }"],
    ["(event, context = {}) => 1", "default"],
    ["(event, context, extra) => extra"],
    ["function main() { return this; }", "main"],
    ["(req, res) => { res.writeHead(200); res.end('x'); }"],
    ["Array.prototype.slice.bind([])"],
    ["(body) => ({ requestContext: 1 })"],
  ];
  for (const [text, name = "handler"] of ours) {
    test(`leaves ours alone: ${text.split("\n", 1)[0]}`, () => {
      assert.equal(recognizeSignature(functionOf(text), name), undefined);
    });
  }

  const others: [string, string, string?][] = [
    ["lambda", "(event, context, callback) => callback()"],
    ["lambda", "function (e, c, cb) { cb(null, {}); }"],
    ["lambda", "async (event) => { const { rawPath } = event; return rawPath; }"],
    ["lambda", "async (event, context) => context.awsRequestId"],
    ["lambda", "({ queryStringParameters }) => queryStringParameters"],
    ["lambda", "async (event) => ({ statusCode: 404, headers: {}, body: '' })"],
    ["lambda", "(event, ctx) => ctx.done(null, 1)"],
    ["lambda", "() => 1", "lambdaHandler"],
    ["gcf", "(req, res) => res.send('x')", "helloWorld"],
    ["gcf", "async (request, response) => { response.json({ a: request.body }); }"],
    ["gcf", "(data, context, callback) => callback()"],
    ["openfaas", "async (event, context) => context.status(200).succeed(1)", "default"],
    ["openfaas", "async (event, context) => { context.succeed(1); }", "default"],
    ["openfaas", "(event, context, callback) => callback()", "default"],
    ["openfaas", "(context, callback) => callback()", "default"],
    ["knative", "async (context, body) => body", "handle"],
    ["fission", "async (context) => ({ status: 200, body: context.request.body })", "default"],
  ];
  for (const [signature, text, name = "handler"] of others) {
    test(`recognizes ${signature}: ${text}`, () => {
      assert.equal(recognizeSignature(functionOf(text), name), signature);
      assert.ok(mayBeForeign(name, functionOf(text)));
    });
  }
});

test("mayBeForeign spares plain functions a closer look", () => {
  for (const text of ["() => 1", "(event, context) => context.log.info(event.body)", "async ({ query }) => query.a"])
    assert.ok(!mayBeForeign("handler", functionOf(text)), text);
});

test("likelySignature names the setting for functions that look like those of another platform", () => {
  assert.equal(likelySignature("exports.handler = (event) => ok({ statusCode, body })"), "lambda");
  assert.equal(likelySignature("exports.handler = (a, response) => response.status(200)"), "gcf");
  assert.equal(likelySignature("module.exports = (event, context) => { context.headers({}); }"), "openfaas");
  assert.equal(likelySignature("handle = (c) => c.cloudEventResponse({})"), "knative");
  assert.equal(likelySignature("export const handler = (event) => event.specversion"), "cloudevents");
  assert.equal(likelySignature("export const handler = (event) => event.body // statusCode"), undefined);
});

test("parametersOf reads names, patterns and defaults", () => {
  assert.deepEqual(parametersOf("async event => 1"), ["event"]);
  assert.deepEqual(parametersOf("({ a, b: { c } }, d = f(1, 2), ...e) => 1"), ["{ a, b: { c } }", "d", "...e"]);
  assert.deepEqual(parametersOf("async handler(event) { return 1; }"), ["event"]);
  assert.deepEqual(parametersOf("function () {}"), []);
});

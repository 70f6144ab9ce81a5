import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Started, start } from "../contract.ts";
import { wrappers } from "../languages.ts";

const json = { "content-type": "application/json" };

/** Lambda functions that answer by the path: the same in each language. */
const languages = [
  {
    name: "Node",
    language: { ...wrappers.Node, file: "index.js" },
    text: `
const name = process.env.AWS_LAMBDA_FUNCTION_NAME;
exports.lambdaHandler = async (event, context) => {
  const response = (body, more) => ({ statusCode: 200, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), ...more });
  switch (event.rawPath) {
    case "/full": return response({ a: 1 }, { statusCode: 201, headers: { "X-A": 1, "content-type": "text/x" }, multiValueHeaders: { "X-B": ["1", "2"] }, cookies: ["a=1", "b=2"] });
    case "/binary": return { statusCode: "200", headers: { "Content-Type": "image/png" }, body: "AP8=", isBase64Encoded: true };
    case "/empty": return { statusCode: 302, headers: { Location: "/x" } };
    case "/text": return "Hello from Lambda!";
    case "/object": return { message: "hi" };
    case "/list": return [1];
    case "/nothing": return;
    case "/object-body": return { statusCode: 200, body: { a: 1 } };
    case "/invalid-status": return { statusCode: 99, body: "" };
    case "/throw": throw new Error("boom");
    case "/context": return response({ name, version: context.functionVersion, id: context.awsRequestId, memory: typeof context.memoryLimitInMB, arn: context.invokedFunctionArn, group: context.logGroupName, left: context.getRemainingTimeInMillis(), region: process.env.AWS_REGION ?? null });
  }
  return response(event);
};`,
  },
  {
    name: "Python",
    language: { ...wrappers.Python, file: "lambda_function.py" },
    text: `
import json, os
name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
def lambda_handler(event, context):
    def response(body, **more):
        return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body), **more}
    path = event["rawPath"]
    if path == "/full": return response({"a": 1}, statusCode=201, headers={"X-A": 1, "content-type": "text/x"}, multiValueHeaders={"X-B": ["1", "2"]}, cookies=["a=1", "b=2"])
    if path == "/binary": return {"statusCode": "200", "headers": {"Content-Type": "image/png"}, "body": "AP8=", "isBase64Encoded": True}
    if path == "/empty": return {"statusCode": 302, "headers": {"Location": "/x"}}
    if path == "/text": return "Hello from Lambda!"
    if path == "/object": return {"message": "hi"}
    if path == "/list": return [1]
    if path == "/nothing": return None
    if path == "/object-body": return {"statusCode": 200, "body": {"a": 1}}
    if path == "/invalid-status": return {"statusCode": 99, "body": ""}
    if path == "/throw": raise Exception("boom")
    if path == "/context": return response({"name": name, "version": context.function_version, "id": context.aws_request_id, "memory": "string" if isinstance(context.memory_limit_in_mb, str) else "", "arn": context.invoked_function_arn, "group": context.log_group_name, "left": context.get_remaining_time_in_millis(), "region": os.environ.get("AWS_REGION")})
    return response(event)
`,
  },
];

for (const { name, language, text } of languages) {
  describe(`a function for AWS Lambda in ${name}`, () => {
    let wrapper: Started;
    before(async () => {
      const handler = name === "Node" ? "index.lambdaHandler" : "lambda_function.lambda_handler";
      wrapper = await start(language, text, {
        FAAS_HANDLER: handler,
        FAAS_SIGNATURE: "lambda",
        FAAS_TIMEOUT_MS: "9000",
      });
    });
    after(() => wrapper[Symbol.asyncDispose]());

    test("gets the event of API Gateway in its format 2.0", async () => {
      const { json: parsed } = await wrapper.call("/a%20b/c?x=1&x=2&y=a%20b", {
        method: "POST",
        headers: {
          ...json,
          cookie: "a=1; b=2",
          "user-agent": "me",
          "x-forwarded-for": "6.6.6.6, 10.0.0.9",
          "x-request-id": "r1",
        },
        body: '{"a": ',
      });
      const event = parsed();
      const { timeEpoch, time, ...context } = event.requestContext;
      assert.ok(Math.abs(timeEpoch - Date.now()) < 60_000);
      assert.match(time, /^\d\d\/[A-Z][a-z][a-z]\/20\d\d:\d\d:\d\d:\d\d \+0000$/);
      assert.deepEqual(context, {
        accountId: "anonymous",
        apiId: "it",
        domainName: "wrapper",
        domainPrefix: "wrapper",
        http: { method: "POST", path: "/a%20b/c", protocol: "HTTP/1.1", sourceIp: "10.0.0.9", userAgent: "me" },
        requestId: "r1",
        routeKey: "$default",
        stage: "$default",
      });
      const { version, routeKey, rawPath, rawQueryString, cookies, queryStringParameters, body, isBase64Encoded } =
        event;
      assert.deepEqual([version, routeKey, rawPath, body], ["2.0", "$default", "/a%20b/c", '{"a": ']);
      assert.deepEqual([rawQueryString, queryStringParameters], ["x=1&x=2&y=a%20b", { x: "1,2", y: "a b" }]);
      assert.deepEqual([cookies, isBase64Encoded], [["a=1", "b=2"], false]);
      assert.equal(event.headers["user-agent"], "me");
    });

    test("gets no body, cookies and parameters without them", async () => {
      const event = (await wrapper.call("/")).json();
      for (const field of ["body", "cookies", "queryStringParameters"]) assert.ok(!(field in event), field);
      assert.equal(event.isBase64Encoded, false);
    });

    const bodies: [string | undefined, Buffer, string, boolean][] = [
      ["image/png", Buffer.from([0, 255]), "AP8=", true],
      ["application/x-www-form-urlencoded", Buffer.from("a=1"), "YT0x", true],
      ["application/vnd.api+json; charset=utf-8", Buffer.from("{}"), "{}", false],
      ["text/csv", Buffer.from("ü,1"), "ü,1", false],
      [undefined, Buffer.from("ü"), "ü", false],
      [undefined, Buffer.from([255]), "/w==", true],
    ];
    for (const [type, sent, body, isBase64Encoded] of bodies) {
      test(`gets a body of the type ${type} with isBase64Encoded ${isBase64Encoded}`, async () => {
        const headers = type === undefined ? {} : { "content-type": type };
        const event = (await wrapper.call("/", { method: "PUT", headers, body: sent })).json();
        assert.deepEqual([event.body, event.isBase64Encoded], [body, isBase64Encoded]);
      });
    }

    test("sets status, headers and cookies", async () => {
      const { status, headers, text: body } = await wrapper.call("/full");
      assert.deepEqual([status, headers["x-a"], headers["x-b"]], [201, "1", ["1", "2"]]);
      assert.deepEqual([headers["set-cookie"], headers["content-type"]], [["a=1", "b=2"], "text/x"]);
      assert.deepEqual(JSON.parse(body), { a: 1 });
    });

    test("sends a body in base64 as bytes", async () => {
      const { bytes, headers } = await wrapper.call("/binary");
      assert.deepEqual([[...bytes], headers["content-type"]], [[0, 255], "image/png"]);
    });

    test("may leave the body out", async () => {
      const { status, headers, text: body } = await wrapper.call("/empty");
      assert.deepEqual([status, headers.location, body], [302, "/x", ""]);
    });

    const inferred: [string, string][] = [
      ["/text", "Hello from Lambda!"],
      ["/object", '{"message":"hi"}'],
      ["/list", "[1]"],
      ["/nothing", "null"],
    ];
    for (const [path, expected] of inferred) {
      test(`without statusCode its result is the body: ${path}`, async () => {
        const { status, headers, text: body } = await wrapper.call(path);
        assert.deepEqual([status, headers["content-type"], body], [200, "application/json", expected]);
      });
    }

    for (const path of ["/object-body", "/invalid-status"]) {
      test(`gets an error for an invalid result: ${path}`, async () => {
        const { status, json: parsed } = await wrapper.call(path);
        assert.deepEqual([status, parsed().code], [500, "INVALID_RESPONSE"]);
        assert.match(
          parsed().detail,
          path === "/object-body" ? /use JSON.stringify|use json.dumps/ : /"statusCode" .* got 99/,
        );
      });
    }

    test("answers 500 when it throws", async () => {
      const { status, json: parsed } = await wrapper.call("/throw");
      assert.deepEqual([status, parsed().code, parsed().detail], [500, "FUNCTION_ERROR", "boom"]);
    });

    test("gets the context and the environment", async () => {
      const { left, ...context } = (await wrapper.call("/context", { headers: { "x-request-id": "r2" } })).json();
      assert.ok(left > 1000 && left <= 9000);
      assert.deepEqual(context, {
        name: "it",
        version: "$LATEST",
        id: "r2",
        memory: "string",
        arn: "arn:aws:lambda:local:000000000000:function:it",
        group: "/aws/lambda/it",
        region: null,
      });
    });
  });
}

describe("functions for AWS Lambda without a setting", { concurrency: true }, () => {
  const node = { ...wrappers.Node, file: "index.js" };
  const functions: [string, typeof node | typeof wrappers.Python, string, string][] = [
    [
      "a callback",
      node,
      'exports.handler = (event, context, callback) => { setTimeout(() => callback(null, { statusCode: 200, body: "x" }), 5); };',
      "x",
    ],
    [
      "context.succeed",
      node,
      'exports.handler = function (event, context) { context.callbackWaitsForEmptyEventLoop = false; context.succeed({ statusCode: 200, body: "x" }); };',
      "x",
    ],
    [
      "context.done",
      node,
      'exports.handler = (event, context) => { setTimeout(context.done, 5, null, { statusCode: 200, body: "x" }); };',
      "x",
    ],
    [
      "a literal status",
      node,
      "exports.handler = async (event) => { const response = { statusCode: 200, body: JSON.stringify('x') }; return response; };",
      '"x"',
    ],
    [
      "fields of the event",
      node,
      "exports.handler = async ({ rawPath, queryStringParameters: query }) => rawPath + query.a;",
      "/a1",
    ],
    [
      "a stream",
      node,
      'exports.handler = awslambda.streamifyResponse(async (event, stream, context) => { stream = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: { "X-A": "1" } }); stream.write("x"); stream.end(event.rawPath); });',
      "x/a",
    ],
    [
      "fields of the event",
      wrappers.Python,
      'def handler(event, context):\n    return event["requestContext"]["http"]["method"]\n',
      "GET",
    ],
    [
      "a literal status",
      wrappers.Python,
      'def handler(event, context):\n    return {"statusCode": 200, "body": "x"}\n',
      "x",
    ],
    [
      "an async function",
      wrappers.Python,
      'async def handler(event, context):\n    return {"statusCode": 200, "body": event["rawPath"]}\n',
      "/a",
    ],
  ];
  for (const [what, language, text, expected] of functions) {
    test(`recognizes ${what} in ${language.file}: ${expected}`, async () => {
      await using wrapper = await start(language, text);
      const { status, text: body } = await wrapper.call("/a?a=1");
      assert.deepEqual([status, body], [200, expected]);
    });
  }

  test("an error of a callback is the function's error", async () => {
    await using wrapper = await start(node, "exports.handler = (event, context, callback) => callback('nope');");
    const { status, json: parsed } = await wrapper.call("/");
    assert.deepEqual([status, parsed().code, parsed().detail], [500, "FUNCTION_ERROR", "nope"]);
  });
});

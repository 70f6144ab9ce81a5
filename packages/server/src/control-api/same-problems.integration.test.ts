import assert from "node:assert/strict";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { newKey, type Problem } from "@faas/core";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Sends the same faulty request to the layers of the one HTTP port: clients must see the same response, whichever layer finds the fault. */

const server = await testControl({ auth: true });
const bundle = await functionBundle("export const handler = () => 'hello';\n");
for (const org of ["acme", "globex"]) await server.send("PUT", `/-/orgs/${org}`);
const own = await server.key("acme", "deploy");
const reader = await server.key("acme", "read");
await server.upload(bundle, undefined, own);
const settings = { replicas: 0, bodyLimit: "10" };
const artifact = { kind: "bundle", digest: digestOf(bundle) };
assert.equal((await server.send("PUT", "/-/orgs/acme/endpoints/one", { artifact, settings }, own)).status, 201);

interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly problem: Problem;
}

/** Sends bytes as they are, and reads one response. */
function exchange(request: string): Promise<Received> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(request));
    let received = "";
    socket.setEncoding("latin1");
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`Expected a response, got ${JSON.stringify(received)}`)));
    socket.on("data", (chunk) => {
      received += chunk;
      const response = parse(received);
      if (response === undefined) return;
      resolve(response);
      socket.destroy();
    });
  });
}

function parse(text: string): Received | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
  );
  const body = text.slice(end + 4);
  if (body.length < Number(headers["content-length"])) return undefined;
  return { status: Number(first.split(" ")[1]), headers, problem: JSON.parse(Buffer.from(body, "latin1").toString()) };
}

interface Fault {
  readonly method?: string;
  readonly path: string;
  readonly token?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

const format = ({ method = "GET", path, token, headers = [], body = "" }: Fault) =>
  [
    `${method} ${path} HTTP/1.1`,
    ...(headers.some((line) => /^host:/i.test(line)) ? [] : ["Host: localhost"]),
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ...headers,
    "",
    body,
  ].join("\r\n");

/** Headers that a layer may add: about the connection, about the time of a call, and what a route allows. */
const MAY_DIFFER = new Set(["date", "connection", "keep-alive", "server-timing", "allow"]);

/** Selects what has to be equal: everything but the request's id, its path, and the lengths that follow from them. */
function comparable({ status, headers, problem }: Received, path = "PATH") {
  assert.equal(headers["content-type"], "application/problem+json");
  assert.equal(headers["x-request-id"], problem.requestId);
  assert.match(problem.requestId ?? "", /^[\x21-\x7e]{1,128}$/);
  assert.equal(problem.status, status);
  const { "content-length": length, "x-request-id": _, ...rest } = headers;
  assert.equal(Number(length), Buffer.byteLength(JSON.stringify(problem)));
  return {
    status,
    headers: Object.fromEntries(Object.entries(rest).filter(([name]) => !MAY_DIFFER.has(name))),
    names: Object.keys(problem),
    problem: { ...problem, requestId: "", detail: problem.detail.replaceAll(path, "PATH") },
  };
}

async function sendToBoth(control: Fault, gateway: Fault) {
  return [
    comparable(await exchange(format(control)), control.path),
    comparable(await exchange(format(gateway)), gateway.path),
  ] as const;
}

/** A path of the control API, and one of the gateway. */
const PATHS = ["/-/orgs/acme/endpoints", "/acme/one"] as const;

describe("the control API and the gateway answer alike", () => {
  for (const segment of ["..", ".", "%2e%2e", "..%2fetc", "a%2f..%2fb", "a%00b", "%", "a%zz", "..\\etc"]) {
    test(`to the invalid path segment ${segment}`, async () => {
      const [control, gateway] = await sendToBoth(
        { path: `${PATHS[0]}/${segment}` },
        { path: `${PATHS[1]}/${segment}` },
      );
      assert.deepEqual([control.status, control.problem.code], [400, "INVALID_PATH"]);
      assert.deepEqual(control, gateway);
    });
  }

  for (const [who, token, status, code] of [
    ["without a key", undefined, 401, "UNAUTHENTICATED"],
    ["with a malformed key", "faas_x", 401, "UNAUTHENTICATED"],
    ["with a key of another server", newKey("admin").token, 401, "UNAUTHENTICATED"],
    ["with a key of another organization", own, 404, "ORG_NOT_FOUND"],
    ["with an admin key", server.adminToken, 404, "ORG_NOT_FOUND"],
  ] as const) {
    test(`to a request for an unknown organization ${who}`, async () => {
      const request = token === undefined ? {} : { token };
      const [control, gateway] = await sendToBoth(
        { path: "/-/orgs/nobody/endpoints/one", ...request },
        { path: "/nobody/one", ...request },
      );
      assert.deepEqual([control.status, control.problem.code], [status, code]);
      assert.deepEqual(control, gateway);
    });

    test(`to a request for an unknown endpoint of another organization ${who}`, async () => {
      const request = token === undefined ? {} : { token };
      const [control, gateway] = await sendToBoth(
        { path: "/-/orgs/globex/endpoints/xyz", ...request },
        { path: "/globex/xyz", ...request },
      );
      assert.equal(control.problem.code, token === server.adminToken ? "ENDPOINT_NOT_FOUND" : code);
      assert.deepEqual(control, gateway);
    });
  }

  test("to a request for an unknown endpoint of the key's organization", async () => {
    const [control, gateway] = await sendToBoth(
      { path: "/-/orgs/acme/endpoints/xyz", token: own },
      { path: "/acme/xyz", token: own },
    );
    assert.deepEqual([control.status, control.problem.code], [404, "ENDPOINT_NOT_FOUND"]);
    assert.deepEqual(control, gateway);
  });

  test("to a key without the required scope, except for the scopes in the detail", async () => {
    const [control, gateway] = await sendToBoth(
      { path: "/-/orgs/acme/endpoints/one", method: "DELETE", token: reader },
      { path: "/acme/one", token: reader },
    );
    for (const { status, problem } of [control, gateway]) {
      assert.deepEqual([status, problem.code], [403, "FORBIDDEN"]);
      assert.match(problem.detail, /^Expected a key with the scope .*deploy.*"read"/);
    }
    const withoutDetail = ({ problem, ...rest }: typeof control) => ({ ...rest, problem: { ...problem, detail: "" } });
    assert.deepEqual(withoutDetail(control), withoutDetail(gateway));
  });

  test("to a body over the limit, except for the limit in the detail", async () => {
    const headers = ["Content-Type: application/json", "Content-Length: 2000000"];
    const [control, gateway] = await sendToBoth(
      { path: "/-/orgs/acme/endpoints/one", method: "PUT", token: own, headers },
      { path: "/acme/one", method: "POST", token: own, headers },
    );
    for (const { status, problem } of [control, gateway]) {
      assert.deepEqual([status, problem.code], [413, "BODY_TOO_LARGE"]);
      assert.match(problem.detail, /^Expected a body of at most \d+ bytes, got more/);
    }
    const withoutDetail = ({ problem, ...rest }: typeof control) => ({ ...rest, problem: { ...problem, detail: "" } });
    assert.deepEqual(withoutDetail(control), withoutDetail(gateway));
  });
});

describe("request ids", () => {
  const FAULT = { "the control API": "/-/nothing", "the gateway": "/nothing/one" };
  for (const [layer, path] of Object.entries(FAULT)) {
    test(`${layer} keeps a valid id`, async () => {
      const { headers, problem } = await exchange(format({ path, headers: ["X-Request-Id: my-id/1"] }));
      assert.deepEqual([headers["x-request-id"], problem.requestId], ["my-id/1", "my-id/1"]);
    });

    for (const id of ["", "two words", "caf\u00e9", "x".repeat(129)]) {
      test(`${layer} replaces the invalid id "${id.slice(0, 20)}"`, async () => {
        const { headers, problem } = await exchange(format({ path, headers: [`X-Request-Id: ${id}`] }));
        assert.match(headers["x-request-id"] ?? "", /^[0-9a-f-]{36}$/);
        assert.equal(problem.requestId, headers["x-request-id"]);
      });
    }
  }

  test("the connection layer keeps a valid id", async () => {
    const headers = ["X-Request-Id: my-id/1", "Transfer-Encoding: gzip, chunked"];
    const { problem, ...received } = await exchange(format({ path: "/acme/one", method: "POST", headers }));
    assert.deepEqual([received.headers["x-request-id"], problem.requestId], ["my-id/1", "my-id/1"]);
  });
});

describe("the connection layer answers alike for paths of the control API and of the gateway", () => {
  const many = Array.from({ length: 250 }, (_, i) => `X-${i}: x`);
  for (const [what, fault, status, code] of [
    ["headers of more than 16 KiB", { headers: [`X: ${"x".repeat(17_000)}`] }, 431, "HEADERS_TOO_LARGE"],
    ["too many headers", { headers: many }, 431, "HEADERS_TOO_LARGE"],
    ["a malformed header", { headers: ["no colon"] }, 400, "INVALID_REQUEST"],
    ["a malformed method", { method: "FR OB" }, 400, "INVALID_REQUEST"],
    ["an unknown method", { method: "FROB" }, 400, "INVALID_REQUEST"],
    ["two hosts", { headers: ["Host: a", "Host: b"] }, 400, "INVALID_REQUEST"],
    ["a malformed host", { headers: ["Host: a/b"] }, 400, "INVALID_REQUEST"],
    [
      "an unsupported transfer coding",
      { method: "POST", headers: ["Transfer-Encoding: gzip, chunked"] },
      400,
      "INVALID_REQUEST",
    ],
    ["an unsupported expectation", { method: "POST", headers: ["Expect: 200-ok"] }, 417, "EXPECTATION_FAILED"],
  ] as const) {
    test(`to ${what}`, async () => {
      const [control, gateway] = await sendToBoth({ path: PATHS[0], ...fault }, { path: PATHS[1], ...fault });
      assert.deepEqual([control.status, control.problem.code], [status, code]);
      assert.deepEqual(control, gateway);
    });
  }

  test("with the fields and headers of the other layers", async () => {
    const [invalidPath] = await sendToBoth({ path: "/-/.." }, { path: "/.." });
    const malformed = comparable(await exchange(format({ path: "/acme/one", headers: ["no colon"] })), "/acme/one");
    assert.deepEqual(malformed.headers, invalidPath.headers);
    assert.deepEqual(malformed.names, invalidPath.names);
  });

  test("to a method that the layer does not allow, except for the method in the detail", async () => {
    const connectMethod = comparable(await exchange(format({ method: "CONNECT", path: "localhost:1" })));
    const patch = comparable(await exchange(format({ method: "PATCH", path: PATHS[0] })));
    for (const { status, problem } of [connectMethod, patch]) {
      assert.deepEqual([status, problem.code], [405, "METHOD_NOT_ALLOWED"]);
      assert.match(problem.detail, / is not allowed/);
    }
    assert.deepEqual(connectMethod.headers, patch.headers);
    assert.deepEqual(connectMethod.names, patch.names);
  });
});

test("an absolute request target reaches the same layer as its path", async () => {
  for (const [path, code] of [
    ["/-/orgs/acme/endpoints/xyz", "ENDPOINT_NOT_FOUND"],
    ["/acme/xyz", "ENDPOINT_NOT_FOUND"],
    ["/-/nothing", "NOT_FOUND"],
  ] as const) {
    const relative = await exchange(format({ path, token: own }));
    const absolute = await exchange(format({ path: `http://localhost${path}`, token: own }));
    assert.equal(relative.problem.code, code);
    assert.deepEqual(comparable(absolute, `http://localhost${path}`).problem.code, code);
    assert.equal(absolute.status, relative.status);
  }
});

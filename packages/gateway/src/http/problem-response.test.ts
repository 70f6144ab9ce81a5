import assert from "node:assert/strict";
import { test } from "node:test";
import { FaasError, PROBLEM_MEDIA_TYPE } from "@faas/core";
import { rateLimited } from "../limits/quota-error.ts";
import { formatProblem, problemResponse } from "./problem-response.ts";

test("carries the problem document, its length and the request id", () => {
  const { status, code, headers, body } = problemResponse(new FaasError("NOT_FOUND", "Nothing ä"), "r-1");
  assert.deepEqual([status, code], [404, "NOT_FOUND"]);
  assert.deepEqual(headers, {
    "Content-Type": PROBLEM_MEDIA_TYPE,
    "Content-Length": String(Buffer.byteLength(body)),
    "X-Request-Id": "r-1",
  });
  const { detail, requestId } = JSON.parse(body);
  assert.deepEqual([detail, requestId], ["Nothing ä", "r-1"]);
});

test("asks for a key with status 401", () => {
  const { headers } = problemResponse(new FaasError("UNAUTHENTICATED", "No key"), "r-1");
  assert.equal(headers["WWW-Authenticate"], 'Bearer realm="faas"');
});

test("says when to retry with status 503", () => {
  assert.equal(problemResponse(new FaasError("NO_CAPACITY", "Full"), "r-1").headers["Retry-After"], "1");
});

test("describes an exceeded quota in the RateLimit fields", () => {
  const { status, headers } = problemResponse(rateLimited("acme", 5, 10, 2_500), "r-1");
  assert.equal(status, 429);
  assert.deepEqual(
    [headers["Retry-After"], headers["RateLimit-Policy"], headers.RateLimit],
    ["3", '"requests";q=10;w=2', '"requests";r=0;t=3'],
  );
});

test("tells clients nothing about an unexpected error", () => {
  const { status, body } = problemResponse(new TypeError("secret"), "r-1");
  assert.equal(status, 500);
  assert.doesNotMatch(body, /secret/);
});

test("formats a response that closes the connection", () => {
  const text = formatProblem(new FaasError("TOO_MANY_CONNECTIONS", "Full"), "r-1", { Upgrade: "x" });
  const [head = "", body = ""] = text.split("\r\n\r\n");
  assert.deepEqual(head.split("\r\n"), [
    "HTTP/1.1 503 Service Unavailable",
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "X-Request-Id: r-1",
    "Retry-After: 1",
    "Upgrade: x",
    "Connection: close",
  ]);
});

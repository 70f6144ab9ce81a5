import assert from "node:assert/strict";
import { test } from "node:test";
import { FaasError } from "../errors.ts";
import { toProblem } from "./problem-document.ts";

test("a problem document has type, title, status, detail, code and request id", () => {
  const error = new FaasError("ENDPOINT_NOT_FOUND", 'no endpoint "acme/invrt"', {
    extensions: { suggestion: "acme/invert" },
  });
  assert.deepEqual(toProblem(error, "r-1"), {
    type: "urn:faas:error:ENDPOINT_NOT_FOUND",
    title: "Endpoint not found",
    status: 404,
    detail: 'no endpoint "acme/invrt"',
    code: "ENDPOINT_NOT_FOUND",
    requestId: "r-1",
    suggestion: "acme/invert",
  });
});

test("a problem document of an unexpected error has none of its details", () => {
  const problem = toProblem(new TypeError("secret"));
  assert.equal(problem.code, "INTERNAL");
  assert.ok(!JSON.stringify(problem).includes("secret"));
});

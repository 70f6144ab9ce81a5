import assert from "node:assert/strict";
import { test } from "node:test";
import { checkPath, isControlPath, originForm } from "./request-path.ts";

test("accepts paths that every reader takes the same way", () => {
  for (const path of ["/", "/a/b", "/a//b", "/a/...", "/a/.well-known/x", "/a/%20/b.json", "/a/..b", "/-/x"])
    checkPath(path);
});

test("rejects dot segments, NUL, stray percent signs and an empty first segment", () => {
  const paths = ["/a/..", "/a/./b", "/.", "/a/%2e%2E/b", "/a/.%2e", "/a%2f..%2fb", "/a/..%5cb", "/a/%2e"];
  for (const path of [...paths, "/%00", "/a/%zz", "/a/%2", "//a", "*", ""])
    assert.throws(() => checkPath(path), { code: "INVALID_PATH" }, path);
});

test("reads the path out of an absolute request target", () => {
  assert.equal(originForm("http://h/a?b"), "/a?b");
  assert.equal(originForm("HTTPS://h"), "/");
  assert.equal(originForm("http://h?b"), "/?b");
  assert.equal(originForm("/http://h/a"), "/http://h/a");
  assert.equal(originForm("*"), "*");
});

test("tells paths of the control API from those of functions", () => {
  for (const path of ["/-", "/-/a", "/-?a", "/add_endpoint", "/add_endpoint?a"]) assert.ok(isControlPath(path), path);
  for (const path of ["/", "/-a", "/a/-/b", "/add_endpoint/x", "/add_endpoints"]) assert.ok(!isControlPath(path), path);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRegistry, tryParseImageReference } from "./image-reference.ts";

const digest = `sha256:${"0".repeat(64)}`;

for (const [text, registry, repository, tag, found] of [
  ["node", "docker.io", "library/node"],
  ["node:24", "docker.io", "library/node", "24"],
  ["node:24-slim", "docker.io", "library/node", "24-slim"],
  [`python@${digest}`, "docker.io", "library/python", undefined, digest],
  ["docker.io/library/node:24", "docker.io", "library/node", "24"],
  ["team/name", "docker.io", "team/name"],
  ["localhost/name", "localhost", "name"],
  ["localhost:5000/acme/invert:1a2b", "localhost:5000", "acme/invert", "1a2b"],
  [`registry.example.com/a/b/c:t@${digest}`, "registry.example.com", "a/b/c", "t", digest],
  ["[::1]:5000/name", "[::1]:5000", "name"],
] as const) {
  test(`parses the image name ${text}`, () => {
    assert.deepEqual(tryParseImageReference(text), {
      ...{ registry, repository },
      ...(tag === undefined ? {} : { tag }),
      ...(found === undefined ? {} : { digest: found }),
    });
  });
}

for (const text of ["", "Node", "a b", "https://registry.example.com/a", "a:", "a@sha256:12", "a//b", "-a"])
  test(`rejects the image name "${text}"`, () => assert.equal(tryParseImageReference(text), undefined));

test("splits a registry address into host and prefix", () => {
  assert.deepEqual(parseRegistry("localhost:5000"), { host: "localhost:5000", prefix: "" });
  assert.deepEqual(parseRegistry("registry.example.com/team/x"), { host: "registry.example.com", prefix: "team/x/" });
  assert.deepEqual(parseRegistry("10.0.0.1:5000/"), { host: "10.0.0.1:5000", prefix: "" });
  for (const wrong of ["https://registry.example.com", "", "a b", "registry.example.com/Team"])
    assert.throws(() => parseRegistry(wrong), { code: "USAGE", message: /without a scheme/ });
});

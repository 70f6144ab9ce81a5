import assert from "node:assert/strict";
import { test } from "node:test";
import { anyText } from "@faas/testing/arbitraries";
import fc from "fast-check";
import { DOCKER_HUB, parseRegistry, tryParseImageReference } from "./image-reference.ts";

const host = fc.constantFrom(
  "",
  "localhost/",
  "localhost:5000/",
  "ghcr.io/",
  "[::1]:5000/",
  "a-b.example:1/",
  "index.docker.io/",
);
const path = fc.stringMatching(/^[a-z0-9]{1,5}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}(?:\/[a-z0-9]{1,4}){0,2}$/);
const tag = fc.oneof(fc.constant(""), fc.stringMatching(/^:\w[\w.-]{0,20}$/));
const digest = fc.oneof(fc.constant(""), fc.stringMatching(/^@sha256:[0-9a-f]{64}$/));

test("joining the parts of an image name gives the same image", () => {
  fc.assert(
    fc.property(host, path, tag, digest, (...parts) => {
      const found = tryParseImageReference(parts.join(""));
      assert.ok(found, parts.join(""));
      const rest = `${found.tag === undefined ? "" : `:${found.tag}`}${found.digest === undefined ? "" : `@${found.digest}`}`;
      const again = tryParseImageReference(`${found.registry}/${found.repository}${rest}`);
      assert.deepEqual(again, found);
      assert.ok(found.registry === DOCKER_HUB || parts.join("").startsWith(`${found.registry}/`));
    }),
  );
});

test("never accepts white space, an upper-case path or a parent folder", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyText({ maxLength: 60 }),
        fc.tuple(host, path, fc.string({ maxLength: 3 }), path).map((parts) => parts.join("")),
      ),
      (text) => {
        const found = tryParseImageReference(text);
        if (!found) return;
        assert.doesNotMatch(text, /\s|\.\.|\/\/|\0/);
        assert.match(found.repository, /^[a-z0-9._/-]+$/);
      },
    ),
  );
});

test("parses hostile text in linear time", () => {
  // Linear time is milliseconds, quadratic time is minutes: the bound does not depend on the machine.
  const repetitions = 200_000;
  for (const part of ["a-", "a.", "a/", "a__", "1"]) {
    const text = `${part.repeat(repetitions)}${part === "1" ? ":" : "!"}`;
    const start = performance.now();
    assert.equal(tryParseImageReference(text), undefined);
    assert.throws(() => parseRegistry(text), { code: "USAGE" });
    assert.ok(performance.now() - start < 10_000, part);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DOCKER_HUB, imageReference, parseRegistry } from "./image-reference.ts";

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

test("the parts of an image's name put together are the name again", () => {
  fc.assert(
    fc.property(host, path, tag, digest, (...parts) => {
      const found = imageReference(parts.join(""));
      assert.ok(found, parts.join(""));
      const rest = `${found.tag === undefined ? "" : `:${found.tag}`}${found.digest === undefined ? "" : `@${found.digest}`}`;
      const again = imageReference(`${found.registry}/${found.repository}${rest}`);
      assert.deepEqual(again, found);
      assert.ok(found.registry === DOCKER_HUB || parts.join("").startsWith(`${found.registry}/`));
    }),
  );
});

test("whatever is no name is none: no space, no upper case in a path, no way up", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: "binary", maxLength: 60 }),
        fc.tuple(host, path, fc.string({ maxLength: 3 }), path).map((parts) => parts.join("")),
      ),
      (text) => {
        const found = imageReference(text);
        if (!found) return;
        assert.doesNotMatch(text, /\s|\.\.|\/\/|\0/);
        assert.match(found.repository, /^[a-z0-9._/-]+$/);
      },
    ),
  );
});

test("text that is made to be slow is read in no time", () => {
  for (const text of [
    `${"a-".repeat(20_000)}!`,
    `${"a.".repeat(20_000)}!`,
    `${"a/".repeat(20_000)}!`,
    `${"a__".repeat(20_000)}!`,
    `${"1".repeat(50_000)}:`,
  ]) {
    const began = performance.now();
    imageReference(text);
    try {
      parseRegistry(text);
    } catch {}
    assert.ok(performance.now() - began < 500, text.slice(0, 10));
  }
});

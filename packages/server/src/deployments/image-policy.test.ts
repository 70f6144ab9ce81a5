import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { allowedImages, checkImage } from "./image-policy.ts";

const registry = { push: "localhost:5000", pull: "10.0.0.1:5000/faas" };
const digest = `@sha256:${"a".repeat(64)}`;
const isAllowed = (reference: string, allowed: readonly string[] | undefined, org = "acme") => {
  try {
    checkImage(reference, org, allowed);
    return true;
  } catch (error) {
    assert.equal((error as { code?: string }).code, "IMAGE_NOT_ALLOWED");
    return false;
  }
};

describe("with keys, images must come from the organization's part of the registry", () => {
  const allowed = allowedImages(undefined, registry, true);
  for (const reference of ["hello", "hello:1", `hello${digest}`, `hello:1${digest}`, "team/hello"])
    test(`${reference} there`, () => assert.ok(isAllowed(`10.0.0.1:5000/faas/acme/${reference}`, allowed)));
  for (const reference of [
    "10.0.0.1:5000/faas/globex/hello",
    "10.0.0.1:5000/faas/acme-corp/hello",
    "10.0.0.1:5000/faas/acmehello",
    "10.0.0.1:5000/faas/acme",
    "10.0.0.1:5000/faas/acme/../globex/hello",
    "10.0.0.1:5000/faas/acme/./hello",
    "10.0.0.1:5000/faas/acme//hello",
    "10.0.0.1:5000/faas/acme/%2e%2e/globex/hello",
    "10.0.0.1:5000/faas/acme/hello@evil.example/x",
    "http://10.0.0.1:5000/faas/acme/hello",
    "10.0.0.1:5001/faas/acme/hello",
    "evil.example/10.0.0.1:5000/faas/acme/hello",
    "nginx",
    "acme/hello",
    "docker.io/acme/hello",
    "",
    " ",
    "10.0.0.1:5000/faas/acme/hello\n",
    "10.0.0.1:5000/faas/acme/Hello",
  ])
    test(`not ${JSON.stringify(reference)}`, () =>
      assert.equal(isAllowed(reference, allowed), reference.endsWith("faas/acme")));
});

test("adds the configured prefixes; compares whole names, as Docker reads them", () => {
  const allowed = allowedImages(["ghcr.io/team", "library/nginx", "GHCR.io/shared/{org}/"], registry, true);
  for (const reference of [
    "ghcr.io/team/x:1",
    "GHCR.IO/team/x",
    "nginx",
    "nginx:1",
    "docker.io/library/nginx",
    "index.docker.io/library/nginx",
    "ghcr.io/shared/acme/x",
    "10.0.0.1:5000/faas/acme/x",
  ])
    assert.ok(isAllowed(reference, allowed), reference);
  for (const reference of ["ghcr.io/teams/x", "ghcr.io/x", "redis", "ghcr.io/shared/globex/x", "team/x"])
    assert.ok(!isAllowed(reference, allowed), reference);
});

test("without keys only configured prefixes apply; * allows all; with keys and no registry nothing is allowed", () => {
  assert.ok(isAllowed("nginx", allowedImages(undefined, registry, false)));
  assert.ok(!isAllowed("nginx", allowedImages(["ghcr.io"], registry, false)));
  assert.ok(isAllowed("nginx", allowedImages(["*"], registry, true)));
  assert.throws(() => checkImage("nginx", "acme", allowedImages(undefined, undefined, true)), /--allow-images/);
});

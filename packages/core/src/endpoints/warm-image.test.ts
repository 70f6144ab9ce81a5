import assert from "node:assert/strict";
import { test } from "node:test";
import { artifactFields, artifactOf, artifactSchema, bundleOf, endpointSpec, revisionId } from "./endpoint.ts";
import { withDefaults } from "./settings.ts";

const image = { kind: "image", reference: "registry:5000/acme/invert@sha256:1" } as const;
const code = `sha256:${"c".repeat(64)}`;
const warm = { image: "registry:5000/acme/warm_node@sha256:2", code };
const settings = withDefaults({});

test("a warm part does not change the id of a revision", () => {
  assert.equal(revisionId({ ...image, warm }, settings), revisionId(image, settings));
});

test("a stored revision has its artifact as servers without warm parts know it, and gives it back whole", () => {
  const fields = artifactFields({ ...image, warm });
  assert.deepEqual(fields, { artifact: image, warm });
  assert.deepEqual(artifactOf(fields), { ...image, warm });
  assert.deepEqual(artifactFields(image), { artifact: image });
  const spec = endpointSpec({ org: "acme", endpoint: "invert" }, { id: "r", createdAt: "", settings, ...fields });
  assert.deepEqual(spec.artifact, { ...image, warm });
});

test("platforms are stored beside the artifact too, and do not change the id", () => {
  const artifact = { ...image, platforms: ["linux/amd64"] };
  const fields = artifactFields(artifact);
  assert.deepEqual(fields, { artifact: image, platforms: ["linux/amd64"] });
  assert.deepEqual(artifactOf(fields), artifact);
  assert.equal(revisionId(artifact, settings), revisionId(image, settings));
  assert.equal(artifactSchema.safeParse({ ...image, platforms: ["amd64"] }).success, false);
});

test("the bundle of an artifact is the function itself, or the code for warm pods", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  assert.equal(bundleOf({ kind: "bundle", digest }), digest);
  assert.equal(bundleOf({ ...image, warm }), code);
  assert.equal(bundleOf(image), undefined);
});

for (const [what, wrong] of [
  ["without an image", { code }],
  ["with code that is not a digest", { image: warm.image, code: "sha256:1" }],
  ["with an unknown field", { ...warm, size: 1 }],
] as const)
  test(`a warm part ${what} is rejected`, () => {
    assert.equal(artifactSchema.safeParse({ ...image, warm: wrong }).success, false);
  });

test("a bundle has no warm part", () => {
  assert.equal(artifactSchema.safeParse({ kind: "bundle", digest: code, warm }).success, false);
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { ImageInspectInfo } from "dockerode";
import { imageConfig } from "./config.ts";
import { imageLabels } from "./labels.ts";
import { sourceTime } from "./source-time.ts";

const base = {
  Architecture: "arm64",
  Variant: "v8",
  Os: "linux",
  RootFS: { Layers: ["sha256:a"] },
} as ImageInspectInfo;
const config = {
  Env: ["PORT=8080"],
  Cmd: ["node", ".interface.mjs"],
  Entrypoint: null,
  User: "65532:65532",
  WorkingDir: "/app",
  ExposedPorts: { "8080/tcp": {} },
  Labels: { z: "base", "faas.org": "base" },
  // Added by the engine.
  Hostname: "0123456789ab",
  Image: "sha256:parent",
} as unknown as ImageInspectInfo["Config"];
const recipe = {
  base,
  config,
  layers: [{ file: "", diffId: "sha256:b", entries: 1 }],
  labels: {},
  created: sourceTime({}),
};

test("an image's configuration has its command, user and labels, but nothing of the engine or the build time", () => {
  const { id, text } = imageConfig({ ...recipe, labels: { "faas.org": "acme" } });
  assert.equal(id, `sha256:${createHash("sha256").update(text).digest("hex")}`);
  assert.deepEqual(JSON.parse(text), {
    architecture: "arm64",
    variant: "v8",
    os: "linux",
    created: "1970-01-01T00:00:00Z",
    config: {
      User: "65532:65532",
      ExposedPorts: { "8080/tcp": {} },
      Env: ["PORT=8080"],
      Cmd: ["node", ".interface.mjs"],
      WorkingDir: "/app",
      Labels: { "faas.org": "acme", z: "base" },
    },
    rootfs: { type: "layers", diff_ids: ["sha256:a", "sha256:b"] },
  });
});

test("the image id depends on the labels, but not on their order", () => {
  const idWith = (labels: Record<string, string>) => imageConfig({ ...recipe, labels }).id;
  assert.equal(idWith({ a: "1", b: "2" }), idWith({ b: "2", a: "1" }));
  assert.notEqual(idWith({ a: "1" }), idWith({ a: "2" }));
});

test("labels name the endpoint, the source, and the digest of the base image if it has one", () => {
  const digest = `sha256:${"1".repeat(64)}`;
  const labels = imageLabels(
    { org: "acme", endpoint: "invert", labels: { "faas.test": "7" } },
    { source: "sha256:s", base: { name: "node:24-slim", id: "sha256:i", digest, info: base } },
  );
  assert.deepEqual(labels, {
    "org.opencontainers.image.title": "acme/invert",
    "org.opencontainers.image.base.name": "node:24-slim",
    "org.opencontainers.image.base.digest": digest,
    "faas.org": "acme",
    "faas.endpoint": "invert",
    "faas.source-digest": "sha256:s",
    "faas.test": "7",
  });
});

test("the creation time is SOURCE_DATE_EPOCH, which must be a number of seconds", () => {
  assert.equal(sourceTime({ SOURCE_DATE_EPOCH: "1700000000" }), "2023-11-14T22:13:20Z");
  assert.throws(() => sourceTime({ SOURCE_DATE_EPOCH: "yesterday" }), { code: "USAGE", message: /SOURCE_DATE_EPOCH/ });
});

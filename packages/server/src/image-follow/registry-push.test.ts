import assert from "node:assert/strict";
import { test } from "node:test";
import { isAbout, readPushes } from "./registry-push.ts";

const digest = `sha256:${"1".repeat(64)}`;
const hello = [{ repository: "acme/hello", tag: "main" }];

test("pushes of tags are read from the envelopes of the distribution project", () => {
  const event = (action: string, target: object) => ({
    id: "320678d8-ca14-430f-8bb6-4ca139cd83f7",
    timestamp: "2026-11-30T10:00:00.123456789Z",
    action,
    target: { mediaType: "application/vnd.oci.image.manifest.v1+json", size: 708, digest, ...target },
    request: {
      id: "6df24a34",
      addr: "192.0.2.7:50001",
      host: "registry.example:5000",
      method: "PUT",
      useragent: "docker",
    },
    actor: { name: "ci" },
    source: { addr: "registry:5000", instanceID: "a53db899" },
  });
  const events = [
    event("push", { repository: "acme/hello", url: `http://r/v2/acme/hello/blobs/${digest}` }),
    event("push", { repository: "acme/hello", tag: "main" }),
    event("pull", { repository: "acme/other", tag: "main" }),
    { action: "push" },
    null,
  ];
  assert.deepEqual(readPushes({ events }), hello);
  assert.deepEqual(readPushes({ events: [] }), []);
});

test("pushes are read from the default format of Harbor", () => {
  const event = (type: string) => ({
    type,
    occur_at: 1_790_000_000,
    operator: "robot$ci",
    event_data: {
      resources: [{ digest, tag: "main", resource_url: `harbor.example/acme/hello:main` }],
      repository: {
        date_created: 1_780_000_000,
        name: "hello",
        namespace: "acme",
        repo_full_name: "acme/hello",
        repo_type: "private",
      },
    },
  });
  assert.deepEqual(readPushes(event("PUSH_ARTIFACT")), hello);
  assert.deepEqual(readPushes(event("DELETE_ARTIFACT")), []);
});

test("pushes are read from GitHub's events about packages, and its first ping has none", () => {
  const published = (tag: string) => ({
    id: 7,
    name: "hello",
    namespace: "acme",
    ecosystem: "CONTAINER",
    package_type: "CONTAINER",
    owner: { login: "acme" },
    package_version: { version: digest, container_metadata: { tag: { name: tag, digest } } },
  });
  assert.deepEqual(readPushes({ action: "published", registry_package: published("main") }), hello);
  const { namespace: _, ...older } = published("main");
  assert.deepEqual(readPushes({ action: "updated", package: { ...older, package_type: "container" } }), hello);
  assert.deepEqual(readPushes({ action: "published", registry_package: published("") }), []);
  const npm = { ...published("main"), package_type: "npm" };
  assert.deepEqual(readPushes({ action: "published", registry_package: npm }), []);
  const untold = { ...published("main"), package_version: { version: digest } };
  assert.deepEqual(readPushes({ action: "published", registry_package: untold }), [
    { repository: "acme/hello", tag: undefined },
  ]);
  assert.deepEqual(readPushes({ zen: "Design for failure.", hook_id: 1, hook: { type: "Repository" } }), []);
});

test("other documents are not notifications", () => {
  for (const document of [null, 1, "push", [], {}, { type: "push" }, { action: "push" }])
    assert.equal(readPushes(document), undefined, JSON.stringify(document));
});

test("a push is about the images of the same repository and tag, under any name of the registry", () => {
  const push = { repository: "acme/hello", tag: "main" };
  assert.ok(isAbout(push, "registry.example:5000/acme/hello:main"));
  assert.ok(isAbout({ repository: "Acme/hello" }, "ghcr.io/acme/hello:v1"));
  assert.ok(!isAbout(push, "registry.example:5000/acme/hello:v1"));
  assert.ok(!isAbout(push, "registry.example:5000/acme/hello2:main"));
  assert.ok(!isAbout(push, "registry.example:5000/other/hello:main"));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubernetesApi } from "../client/api-client.ts";
import { KubernetesSecrets } from "./secrets.ts";

/** Reading of values, from an object as a cluster has it; the whole with a cluster is in test/platform/contract.ts. */

const data = { "HOOK.v1": Buffer.from("old ä").toString("base64"), "HOOK.v2": Buffer.from("new").toString("base64") };
const objects: Readonly<Record<string, object>> = { "Secret faas-acme faas-secrets": { data } };
const api = {
  get: async (...path: readonly string[]) => objects[path.slice(0, 3).join(" ")],
} as unknown as KubernetesApi;
const secrets = new KubernetesSecrets(api, { instance: "one", startSeconds: 60, gatewayCidrs: [] });

test("a version of a secret is read from the Secret of its organization", async () => {
  assert.equal(await secrets.read("acme", { name: "HOOK", version: "v1" }), "old ä");
  assert.equal(await secrets.read("acme", { name: "HOOK", version: "v2" }), "new");
});

for (const [org, name, version] of [
  ["acme", "HOOK", "v3"],
  ["acme", "OTHER", "v1"],
  ["globex", "HOOK", "v1"],
] as const)
  test(`the missing value ${org} ${name}.${version} is unavailable, and the message says what sets it`, async () => {
    await assert.rejects(secrets.read(org, { name, version }), {
      code: "SECRET_UNAVAILABLE",
      message: new RegExp(`faas secret set ${org} ${name}`),
    });
  });

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Artifact } from "@faas/core";
import type { Permissions } from "./permissions.ts";
import { type RegistrationDeps, register } from "./registration.ts";

const code = `sha256:${"c".repeat(64)}`;
const image = { kind: "image", reference: "r:5000/acme/x@sha256:1" } as const;
const warm = { image: "r:5000/acme/warm_node@sha256:2", code };
const acmesKey = { org: "acme", canSee: (org: string) => org === "acme" } as unknown as Permissions;

/** Registers an artifact with a server that has the code from one organization, and returns what is deployed. */
async function registered(artifact: Artifact, permissions: Permissions, owner: string): Promise<Artifact | undefined> {
  let deployed: Artifact | undefined;
  const deployments = {
    async deploy(request: { artifact?: Artifact | undefined }) {
      deployed = request.artifact;
      return { created: true, revision: "r", unchanged: false, changes: [] };
    },
  };
  const bundleAccess = { has: (org: string, digest: string) => org === owner && digest === code };
  const imageFollow = { deploying: (_ref: unknown, _follow: unknown, deploy: () => unknown) => deploy() };
  const deps = {
    imageFollow,
    deployments,
    bundleAccess,
    platform: { accepts: "image" },
  } as unknown as RegistrationDeps;
  const request = {
    ref: { org: "acme", endpoint: "x" },
    artifact,
    change: {},
    from: "127.0.0.1",
    host: "faas.example",
  };
  await register(request, permissions, deps);
  return deployed;
}

test("a key cannot give warm pods the code of another organization", async () => {
  const denied = registered({ ...image, warm }, acmesKey, "globex");
  await assert.rejects(denied, { code: "BUNDLE_NOT_FOUND", message: new RegExp(code) });
  assert.deepEqual(await registered({ ...image, warm }, acmesKey, "acme"), { ...image, warm });
  assert.deepEqual(await registered(image, acmesKey, "globex"), image);
});

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Logger } from "@faas/core";
import type { V1Namespace } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import type { KubernetesObject } from "../client/objects.ts";
import { OrganizationNamespaces } from "./namespaces.ts";
import { RegistryLogins } from "./pull-secrets.ts";

/** Creations of a namespace that need a certain order of observations; creations by a real cluster are in test/cluster/platform. */

test("a lost registry login is reported once, also if the objects in the old namespace are seen to go later", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "faas-namespaces-"));
  t.after(() => rm(dataDir, { recursive: true }));
  const closing = new AbortController();
  t.after(() => closing.abort());
  const warnings: string[] = [];
  const warn = (...args: readonly unknown[]) => void warnings.push(String(args.at(-1)));
  const log: Logger = { debug: () => {}, info: () => {}, warn, error: warn };
  let uid: string | undefined;
  let created = 0;
  const stored = (object: KubernetesObject) =>
    object.kind === "Namespace"
      ? { ...object, metadata: { ...object.metadata, uid, resourceVersion: "1" } }
      : { ...object, metadata: { ...object.metadata, resourceVersion: "1" } };
  let namespace: KubernetesObject | undefined;
  const namespaces = new OrganizationNamespaces({
    api: {
      get: async () => namespace,
      create: async (object: KubernetesObject) => {
        uid = `uid-${++created}`;
        namespace = stored(object);
        return namespace;
      },
      apply: async (object: KubernetesObject) => stored(object),
    } as unknown as KubernetesApi,
    manifests: { instance: "one", startSeconds: 60, gatewayCidrs: [] },
    logins: await RegistryLogins.load(dataDir),
    log,
    signal: closing.signal,
    onLost: () => {},
  });
  await namespaces.registryLogin("acme", "{}");
  const old = namespace as V1Namespace;
  const policy = {
    kind: "NetworkPolicy",
    metadata: { name: "faas", namespace: "faas-acme", resourceVersion: "1" },
  } as KubernetesObject;
  namespaces.namespaceHandler.listed([old]);
  namespaces.handlers.NetworkPolicy.listed([policy]);

  namespace = undefined;
  namespaces.namespaceHandler.deleted(old);
  await namespaces.ensure("acme");
  namespaces.handlers.NetworkPolicy.deleted(policy);
  await namespaces.ensure("acme");
  assert.equal(created, 2);
  assert.deepEqual(
    warnings.filter((message) => message.startsWith("the registry login of acme was deleted")),
    ['the registry login of acme was deleted with its namespace: run "faas org registry-login acme"'],
  );
});

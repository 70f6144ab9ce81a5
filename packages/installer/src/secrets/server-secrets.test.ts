import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { V1Secret } from "@kubernetes/client-node";
import { serverManifests } from "../manifests.ts";
import type { SecretValues, ServerManifestOptions } from "../settings.ts";
import { readServerSecrets, serverSecretsFor } from "./server-secrets.ts";

const URL = "nats://faas:pa55word@nats:4222?replicas=3";
const ALL = { queue: URL, queueCredentials: "jwt and seed", registryHookToken: "0123456789abcdef" };

function manifestsOf(values: SecretValues) {
  const serverSecrets = serverSecretsFor(values, undefined);
  const options: ServerManifestOptions = {
    ...{ namespace: "tools", image: "x", storage: "1Gi", expose: "none", gateways: "2", gatewayToken: "token" },
    ...(serverSecrets && { serverSecrets }),
  };
  const objects = serverManifests(options);
  // biome-ignore lint/suspicious/noExplicitAny: fields of several kinds
  const named = (kind: string, name: string): any =>
    objects.find((object) => object.kind === kind && object.metadata?.name === name);
  return { objects, secret: named("Secret", "faas-server-secrets") as V1Secret | undefined, named };
}

/** Reads a Secret back, as an upgrade does. */
const readBack = (secret: V1Secret | undefined) =>
  readServerSecrets({ get: async <Found>() => secret as Found }, "tools");

describe("queue and token of an installation", () => {
  test("are in a Secret, and nowhere else", () => {
    const { objects, secret } = manifestsOf(ALL);
    const text = JSON.stringify(objects.filter((object) => object !== secret));
    for (const value of Object.values(ALL))
      for (const form of [value, Buffer.from(value).toString("base64")]) assert.ok(!text.includes(form), form);
    assert.ok(!text.includes("pa55word"));
    assert.equal(Buffer.from(secret?.data?.["queue-url"] ?? "", "base64").toString(), URL);
  });

  test("reach the server as a variable and as files, and no gateway", () => {
    const { named } = manifestsOf(ALL);
    const { metadata, spec } = named("Deployment", "faas-server").spec.template;
    const [{ args, env, volumeMounts }] = spec.containers;
    assert.deepEqual(
      env.find(({ name }: { name: string }) => name === "FAAS_QUEUE"),
      { name: "FAAS_QUEUE", valueFrom: { secretKeyRef: { name: "faas-server-secrets", key: "queue-url" } } },
    );
    const { secret } = spec.volumes.find(({ name }: { name: string }) => name === "server-secrets");
    const { mountPath } = volumeMounts.find(({ name }: { name: string }) => name === "server-secrets");
    for (const [option, key] of [
      ["--queue-credentials", "queue-credentials"],
      ["--registry-hook-token-file", "registry-hook-token"],
    ]) {
      assert.equal(args[args.indexOf(option) + 1], `${mountPath}/${key}`);
      assert.ok(secret.items.some((item: { key: string; path: string }) => item.key === key && item.path === key));
    }
    assert.ok(metadata.annotations["faas/server-secrets"]);
    assert.ok(!JSON.stringify(named("Deployment", "faas-gateway")).includes("server-secrets"));
  });

  test("are kept by an upgrade, which does not replace the pod for them", async () => {
    const previous = await readBack(manifestsOf(ALL).secret);
    assert.deepEqual(previous?.values, ALL);
    assert.deepEqual(serverSecretsFor({}, previous), previous);
    assert.deepEqual(serverSecretsFor({ queue: URL }, previous), previous);
  });

  test("replace the pod when they change, one by one, and none removes them", async () => {
    const previous = await readBack(manifestsOf(ALL).secret);
    const changed = serverSecretsFor({ registryHookToken: "another token 12" }, previous);
    assert.deepEqual(changed?.values, { ...ALL, registryHookToken: "another token 12" });
    assert.notEqual(changed?.version, previous?.version);
    assert.deepEqual(serverSecretsFor({ queue: "none" }, previous)?.values, {
      registryHookToken: ALL.registryHookToken,
    });
    assert.equal(serverSecretsFor({ queue: "none", registryHookToken: "none" }, previous), undefined);
  });

  test("leave no trace where there are none", () => {
    const { objects, secret } = manifestsOf({});
    assert.equal(secret, undefined);
    assert.ok(!JSON.stringify(objects).includes("server-secrets"));
    assert.ok(!JSON.stringify(objects).includes("FAAS_QUEUE"));
  });
});

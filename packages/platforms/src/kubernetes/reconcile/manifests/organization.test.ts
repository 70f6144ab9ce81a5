import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Limits, limitNumbers } from "@faas/core";
import { type ManifestOptions, selectorOf } from "./labels.ts";
import { DEFAULT_LIMITS, namespaceManifest, organizationManifests, pullSecretManifests } from "./organization.ts";

const options: ManifestOptions = { instance: "one", startSeconds: 60, startupCpuMillis: 1000, gatewayCidrs: [] };

describe("an organization", () => {
  // The API's names `from` and `default`, which the client's types rename.
  interface Wire {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace: string };
    // biome-ignore lint/suspicious/noExplicitAny: objects of four kinds
    readonly spec: any;
  }
  const objects = (more: Partial<ManifestOptions> = {}, limits: Limits = {}) =>
    organizationManifests("acme", limitNumbers(limits, DEFAULT_LIMITS), { ...options, ...more }) as unknown as Wire[];
  const named = (name: string, all: readonly Wire[]) => all.find(({ metadata }) => metadata.name === name)?.spec;

  test("has a namespace with the strictest pod security", () => {
    const { name, labels } = namespaceManifest("acme", options).metadata ?? {};
    assert.equal(name, "faas-acme");
    assert.equal(labels?.["pod-security.kubernetes.io/enforce"], "restricted");
  });

  test("admits only the pods of the control server and of gateways if these run in the cluster", () => {
    const { ingress } = named("faas-gateway-only", objects({ serverNamespace: "faas-system" }));
    assert.deepEqual(ingress[0].from, [
      {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "faas-system" } },
        podSelector: {
          matchExpressions: [
            { key: "app.kubernetes.io/name", operator: "In", values: ["faas-server", "faas-gateway"] },
          ],
        },
      },
    ]);
  });

  test("admits the control server's addresses if that runs outside the cluster", () => {
    const { ingress } = named("faas-gateway-only", objects({ gatewayCidrs: ["192.0.2.7/32"] }));
    assert.deepEqual(ingress[0].from, [{ ipBlock: { cidr: "192.0.2.7/32" } }]);
  });

  test("allows only DNS to pods without egress", () => {
    const policy = named("faas-egress-none", objects());
    assert.deepEqual(policy.podSelector, { matchLabels: { "faas/egress": "none" } });
    assert.deepEqual(policy.egress, [
      {
        ports: [
          { port: 53, protocol: "UDP" },
          { port: 53, protocol: "TCP" },
        ],
      },
    ]);
  });

  test("has its own limits, and the default ones for the rest", () => {
    const hard = (limits: Limits) => objects({}, limits).find(({ kind }) => kind === "ResourceQuota")?.spec.hard;
    assert.deepEqual(hard({ cpu: "1500m", replicas: 4 }), {
      "requests.cpu": "375m",
      "limits.memory": String(256 * 2 ** 30),
      "requests.ephemeral-storage": String(256 * 2 ** 30),
      pods: "4",
    });
    assert.equal(hard({ endpoints: 3 })["count/deployments.apps"], "60");
  });

  test("has its registry login in a Secret that the pods' service account names", () => {
    const [secret, account] = pullSecretManifests("acme", '{"auths":{}}', options);
    assert.equal(Buffer.from(secret.data?.[".dockerconfigjson"] ?? "", "base64").toString(), '{"auths":{}}');
    assert.deepEqual(account.imagePullSecrets, [{ name: secret.metadata?.name }]);
  });

  test("has the labels that select the objects of its control server", () => {
    const labels = namespaceManifest("acme", options).metadata?.labels ?? {};
    for (const pair of selectorOf("one").split(",")) {
      const [name = "", value] = pair.split("=");
      assert.equal(labels[name], value);
    }
  });
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { endpointSpec, type SettingsInput, withDefaults } from "@faas/core";
import { standaloneManifests } from "./standalone.ts";

const options = { instance: "one", startSeconds: 60, startupCpuMillis: 1000, tagsOutput: true, gatewayCidrs: [] };

function exported(settings: SettingsInput = {}) {
  const artifact = { kind: "image", reference: "registry:5000/acme/invert@sha256:abc" } as const;
  const revision = { id: "r1", createdAt: "", artifact, settings: withDefaults(settings), secrets: { KEY: "v7" } };
  return standaloneManifests(endpointSpec({ org: "acme", endpoint: "invert" }, revision), options);
}
// biome-ignore lint/suspicious/noExplicitAny: objects of several kinds
const find = (kind: string, settings?: SettingsInput): any => exported(settings).find((object) => object.kind === kind);

describe("an exported endpoint", () => {
  test("has no namespace, and nothing that faas takes for its own", () => {
    const all = { scaler: "cpu", egress: "none", secrets: { TOKEN: "KEY" }, maxReplicas: 3 } as const;
    assert.deepEqual(
      exported(all).map(({ kind }) => kind),
      ["Deployment", "Service", "HorizontalPodAutoscaler", "NetworkPolicy"],
    );
    assert.doesNotMatch(JSON.stringify(exported(all)), /"namespace"|faas\/|managed-by|faas-secrets/);
  });

  test("selects its pods by labels that they have", () => {
    const { selector, template } = find("Deployment").spec;
    const services = find("Service").spec.selector;
    const policy = find("NetworkPolicy", { egress: "none" }).spec.podSelector.matchLabels;
    for (const labels of [selector.matchLabels, services, policy])
      assert.deepEqual({ ...template.metadata.labels, ...labels }, template.metadata.labels);
  });

  test("runs at least one replica, unless an autoscaler decides", () => {
    assert.equal(find("Deployment", { replicas: 0 }).spec.replicas, 1);
    assert.equal(find("Deployment", { replicas: 4 }).spec.replicas, 4);
    assert.equal("replicas" in find("Deployment", { scaler: "cpu" }).spec, false);
  });

  test("has its own CPU limit, because nothing lowers that of a started replica", () => {
    const [container] = find("Deployment", { cpu: "200m" }).spec.template.spec.containers;
    assert.equal(container.resources.limits.cpu, "200m");
  });

  test("reads a secret by its name from a Secret of its own", () => {
    const [container] = find("Deployment", { secrets: { TOKEN: "KEY" } }).spec.template.spec.containers;
    assert.deepEqual(
      container.env.find(({ name }: { name: string }) => name === "TOKEN"),
      { name: "TOKEN", valueFrom: { secretKeyRef: { name: "invert-secrets", key: "KEY" } } },
    );
  });
});

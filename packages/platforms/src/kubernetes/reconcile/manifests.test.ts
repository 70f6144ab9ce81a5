import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type EndpointSpec,
  endpointSpec,
  type Limits,
  limitNumbers,
  type SettingsInput,
  withDefaults,
} from "@faas/core";
import {
  autoscalerManifest,
  DEFAULT_LIMITS,
  deploymentManifest,
  digestOf,
  type ManifestOptions,
  namespaceManifest,
  orgManifests,
  pullSecretManifests,
  selectorOf,
  serviceManifest,
  serviceName,
} from "./manifests.ts";

const options: ManifestOptions = { instance: "one", startSeconds: 60, startupCpuMillis: 1000, gatewayCidrs: [] };

function spec(settings: SettingsInput = {}, endpoint = "invert"): EndpointSpec {
  const artifact = { kind: "image", reference: "registry:5000/acme/invert@sha256:abc" } as const;
  return endpointSpec(
    { org: "acme", endpoint },
    { id: "r1", createdAt: "", artifact, settings: withDefaults(settings) },
  );
}

const podOf = (settings: SettingsInput = {}, more: Partial<ManifestOptions> = {}) =>
  deploymentManifest(spec(settings), { ...options, ...more }).spec?.template.spec;
const containerOf = (settings: SettingsInput = {}, more: Partial<ManifestOptions> = {}) =>
  podOf(settings, more)?.containers[0];

describe("a Deployment", () => {
  const limits: readonly [what: string, SettingsInput, Partial<ManifestOptions>, limit: string, request: string][] = [
    ["starts with the startup boost", {}, {}, "1000m", "25m"],
    ["has its own limit where nothing can be resized", {}, { startupCpuMillis: 0 }, "100m", "25m"],
    ["is not held below its own limit", { cpu: "2" }, {}, "2000m", "500m"],
    ["always requests something", { cpu: "10m" }, {}, "1000m", "2m"],
  ];
  for (const [what, settings, more, limit, request] of limits) {
    test(what, () => {
      const resources = containerOf(settings, more)?.resources;
      assert.deepEqual([resources?.limits?.cpu, resources?.requests?.cpu], [limit, request]);
    });
  }

  test("says no number of replicas: that is the scaler's", () => {
    assert.equal("replicas" in (deploymentManifest(spec(), options).spec ?? {}), false);
  });

  test("never has fewer replicas than before while a revision rolls", () => {
    assert.equal(deploymentManifest(spec(), options).spec?.strategy?.rollingUpdate?.maxUnavailable, 0);
  });

  test("obeys the restricted pod security standard", () => {
    const pod = podOf();
    const container = pod?.containers[0];
    assert.equal(pod?.securityContext?.runAsNonRoot, true);
    assert.equal(pod?.securityContext?.seccompProfile?.type, "RuntimeDefault");
    assert.equal(container?.securityContext?.allowPrivilegeEscalation, false);
    assert.equal(container?.securityContext?.readOnlyRootFilesystem, true);
    assert.deepEqual(container?.securityContext?.capabilities, { drop: ["ALL"] });
  });

  test("names the secrets' values, by version, and has none; a new version is another template", () => {
    const { artifact } = spec();
    const settings = withDefaults({ env: { A: "1" }, secrets: { HOME: "home", API_KEY: "key" } });
    const of = (key: string) => {
      const secrets = { home: "v1", key };
      const full = endpointSpec(
        { org: "acme", endpoint: "x" },
        { id: "r1", createdAt: "", artifact, settings, secrets },
      );
      return deploymentManifest(full, options).spec?.template.spec?.containers[0]?.env ?? [];
    };
    const named = of("v2").filter(({ valueFrom }) => valueFrom !== undefined);
    assert.deepEqual(named, [
      { name: "HOME", valueFrom: { secretKeyRef: { name: "faas-secrets", key: "home.v1" } } },
      { name: "API_KEY", valueFrom: { secretKeyRef: { name: "faas-secrets", key: "key.v2" } } },
    ]);
    const names = of("v2").map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    assert.notDeepEqual(of("v2"), of("v3"));
  });

  test("gives the function no account of the cluster", () => {
    assert.deepEqual([podOf()?.automountServiceAccountToken, podOf()?.enableServiceLinks], [false, false]);
  });

  test("waits on termination for the longest call", () => {
    assert.equal(podOf({ timeout: "90s" })?.terminationGracePeriodSeconds, 96);
  });

  test("passes settings to the wrapper, and the function's own variables cannot hide them", () => {
    const env = containerOf({
      handler: "a.b",
      concurrency: 3,
      timeout: "2s",
      bodyLimit: "1Mi",
      env: { MINE: "yes", HOME: "/x" },
    })?.env;
    const values = Object.fromEntries((env ?? []).map(({ name, value }) => [name, value]));
    assert.equal(values.MINE, "yes");
    assert.equal(values.HOME, "/x");
    const {
      PORT,
      FAAS_ORG,
      FAAS_ENDPOINT,
      FAAS_REVISION,
      FAAS_HANDLER,
      FAAS_TIMEOUT_MS,
      FAAS_CONCURRENCY,
      FAAS_BODY_LIMIT,
    } = values;
    assert.deepEqual(
      [PORT, FAAS_ORG, FAAS_ENDPOINT, FAAS_REVISION, FAAS_HANDLER, FAAS_TIMEOUT_MS, FAAS_CONCURRENCY, FAAS_BODY_LIMIT],
      ["8080", "acme", "invert", "r1", "a.b", "2000", "3", "1048576"],
    );
  });

  test("asks our wrapper whether it is ready, and any other server for a connection only", () => {
    assert.equal(containerOf()?.startupProbe?.httpGet?.path, "/-/ready");
    const foreign = containerOf({ runtime: "dockerfile" });
    assert.deepEqual([foreign?.startupProbe?.tcpSocket?.port, foreign?.livenessProbe], [8080, undefined]);
  });

  test("is the same for the same spec, and another for another one", () => {
    const digest = (settings: SettingsInput) => digestOf([deploymentManifest(spec(settings), options)]);
    assert.equal(digest({}), digest({}));
    assert.notEqual(digest({}), digest({ env: { A: "1" } }));
  });
});

describe("a Service", () => {
  test("is named after the endpoint", () => {
    assert.equal(serviceManifest(spec(), options).metadata?.name, "invert");
  });

  test("has a name that Kubernetes takes where the endpoint's begins with a digit (RFC 1035)", () => {
    for (const endpoint of ["1a", "1".repeat(63)])
      assert.match(serviceName(endpoint), /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
    assert.notEqual(serviceName("1a"), serviceName("1b"));
  });
});

describe("an autoscaler", () => {
  test("keeps to the endpoint's bounds, and to at least one replica", () => {
    const { minReplicas, maxReplicas } = autoscalerManifest(spec({ replicas: 0, maxReplicas: 7 }), options).spec ?? {};
    assert.deepEqual([minReplicas, maxReplicas], [1, 7]);
  });

  test("aims at a part of the CPU limit, in plain numbers: requests are smaller than limits", () => {
    const [metric] = autoscalerManifest(spec({ cpu: "200m" }), options).spec?.metrics ?? [];
    assert.deepEqual(metric?.resource?.target, { type: "AverageValue", averageValue: "160m" });
  });
});

describe("an organization", () => {
  // On the wire `from` and `default` have these names; the client's types call them otherwise.
  interface Wire {
    readonly kind: string;
    readonly metadata: { readonly name: string; readonly namespace: string };
    // biome-ignore lint/suspicious/noExplicitAny: objects of four kinds
    readonly spec: any;
  }
  const objects = (more: Partial<ManifestOptions> = {}, limits: Limits = {}) =>
    orgManifests("acme", limitNumbers(limits, DEFAULT_LIMITS), { ...options, ...more }) as unknown as Wire[];
  const named = (name: string, all: readonly Wire[]) => all.find(({ metadata }) => metadata.name === name)?.spec;

  test("has a namespace of its own, under the strictest pod security", () => {
    const { name, labels } = namespaceManifest("acme", options).metadata ?? {};
    assert.equal(name, "faas-acme");
    assert.equal(labels?.["pod-security.kubernetes.io/enforce"], "restricted");
  });

  test("lets in the control server's pods alone, when it runs in the cluster", () => {
    const { ingress } = named("faas-gateway-only", objects({ serverNamespace: "faas-system" }));
    assert.deepEqual(ingress[0].from, [
      {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "faas-system" } },
        podSelector: { matchLabels: { "app.kubernetes.io/name": "faas-server" } },
      },
    ]);
  });

  test("lets in the control server's addresses, when it runs outside", () => {
    const { ingress } = named("faas-gateway-only", objects({ gatewayCidrs: ["192.0.2.7/32"] }));
    assert.deepEqual(ingress[0].from, [{ ipBlock: { cidr: "192.0.2.7/32" } }]);
  });

  test("lets those without egress out for names only", () => {
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

  test("has the limits that were set, and the default for the rest", () => {
    const hard = (limits: Limits) => objects({}, limits).find(({ kind }) => kind === "ResourceQuota")?.spec.hard;
    assert.deepEqual(hard({ cpu: "1500m", replicas: 4 }), {
      "requests.cpu": "375m",
      "limits.memory": String(256 * 2 ** 30),
      pods: "4",
    });
    assert.equal(hard({ endpoints: 3 })["count/deployments.apps"], "3");
  });

  test("keeps its registry's password in a Secret that its pods' account names", () => {
    const [secret, account] = pullSecretManifests("acme", '{"auths":{}}', options);
    assert.equal(Buffer.from(secret.data?.[".dockerconfigjson"] ?? "", "base64").toString(), '{"auths":{}}');
    assert.deepEqual(account.imagePullSecrets, [{ name: secret.metadata?.name }]);
  });

  test("is found by labels that no other control server's objects have", () => {
    const labels = namespaceManifest("acme", options).metadata?.labels ?? {};
    for (const pair of selectorOf("one").split(",")) {
      const [name = "", value] = pair.split("=");
      assert.equal(labels[name], value);
    }
  });
});

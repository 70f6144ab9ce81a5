import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { type EndpointSpec, endpointSpec, type SettingsInput, variantRef, withDefaults } from "@faas/core";
import { autoscalerManifest, deploymentManifest, digestOf, serviceManifest, serviceName } from "./endpoint.ts";
import type { ManifestOptions } from "./labels.ts";

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
  const limits: readonly [name: string, SettingsInput, Partial<ManifestOptions>, limit: string, request: string][] = [
    ["starts with the startup boost", {}, {}, "1000m", "25m"],
    ["starts with its own limit if pods cannot be resized", {}, { startupCpuMillis: 0 }, "100m", "25m"],
    ["starts with its own limit if that is higher than the startup boost", { cpu: "2" }, {}, "2000m", "500m"],
    ["requests some CPU for any limit", { cpu: "10m" }, {}, "1000m", "2m"],
  ];
  for (const [name, settings, more, limit, request] of limits) {
    test(name, () => {
      const resources = containerOf(settings, more)?.resources;
      assert.deepEqual([resources?.limits?.cpu, resources?.requests?.cpu], [limit, request]);
    });
  }

  test("replaces replicas of a lost node after half a minute", () => {
    const seconds = podOf()?.tolerations?.map(({ key, tolerationSeconds }) => [key, tolerationSeconds]);
    assert.deepEqual(seconds, [
      ["node.kubernetes.io/not-ready", 30],
      ["node.kubernetes.io/unreachable", 30],
    ]);
  });

  test("leaves the number of replicas to the scaler", () => {
    assert.equal("replicas" in (deploymentManifest(spec(), options).spec ?? {}), false);
  });

  test("keeps the number of replicas during a rollout", () => {
    assert.equal(deploymentManifest(spec(), options).spec?.strategy?.rollingUpdate?.maxUnavailable, 0);
  });

  test("complies with the restricted pod security standard", () => {
    const pod = podOf();
    const container = pod?.containers[0];
    assert.equal(pod?.securityContext?.runAsNonRoot, true);
    assert.equal(pod?.securityContext?.seccompProfile?.type, "RuntimeDefault");
    assert.equal(container?.securityContext?.allowPrivilegeEscalation, false);
    assert.equal(container?.securityContext?.readOnlyRootFilesystem, true);
    assert.deepEqual(container?.securityContext?.capabilities, { drop: ["ALL"] });
  });

  test("refers to the values of secrets by version, so that a new version changes the template", () => {
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

  test("gives the function no service account", () => {
    assert.deepEqual([podOf()?.automountServiceAccountToken, podOf()?.enableServiceLinks], [false, false]);
  });

  test("allows the longest call to end on termination", () => {
    assert.equal(podOf({ timeout: "90s" })?.terminationGracePeriodSeconds, 96);
  });

  test("passes settings to the wrapper, which the function's variables cannot override", () => {
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

  test("sets Node's heap and the number of threads from the limits, except what the user sets", () => {
    const valuesOf = (settings: SettingsInput) =>
      Object.fromEntries((containerOf(settings)?.env ?? []).map(({ name, value }) => [name, value]));
    const { NODE_OPTIONS, GOMAXPROCS } = valuesOf({ runtime: "node", memory: "512Mi", cpu: "2000m" });
    assert.deepEqual([NODE_OPTIONS, GOMAXPROCS], ["--max-old-space-size=384 --inspect-publish-uid=http", "2"]);
    const own = valuesOf({ memory: "512Mi", env: { NODE_OPTIONS: "--stack-trace-limit=5", GOMAXPROCS: "7" } });
    assert.deepEqual(
      [own.NODE_OPTIONS, own.GOMAXPROCS],
      ["--max-old-space-size=384 --inspect-publish-uid=http --stack-trace-limit=5", "7"],
    );
    assert.equal(valuesOf({ runtime: "dockerfile" }).NODE_OPTIONS, undefined);
  });

  test("probes a faas wrapper for readiness, and any other server for a connection", () => {
    assert.equal(containerOf()?.startupProbe?.httpGet?.path, "/-/ready");
    const foreign = containerOf({ runtime: "dockerfile" });
    assert.deepEqual([foreign?.startupProbe?.tcpSocket?.port, foreign?.livenessProbe], [8080, undefined]);
  });

  test("runs the command of a server, and probes its ready path, but not to end it", () => {
    const server = containerOf({ app: "server", command: ["./server", "-v"], readyPath: "/healthz" });
    assert.deepEqual(server?.command?.slice(-2), ["./server", "-v"]);
    assert.equal(server?.readinessProbe?.httpGet?.path, "/healthz");
    assert.equal(server?.livenessProbe?.tcpSocket?.port, 8080);
    const values = Object.fromEntries((server?.env ?? []).map(({ name, value }) => [name, value]));
    assert.deepEqual([values.PORT, values.HOST, values.HOSTNAME], ["8080", "0.0.0.0", "0.0.0.0"]);
    assert.equal(containerOf()?.command, undefined);
  });

  test("runs a server so that SIGTERM reaches its processes, and its exit code is the container's", () => {
    const [program = "", ...args] = containerOf({ app: "server", command: ["sh", "-c", "exit 7"] })?.command ?? [];
    assert.equal(spawnSync(program, args).status, 7);
  });

  test("has a digest that depends on the spec only", () => {
    const digest = (settings: SettingsInput) => digestOf([deploymentManifest(spec(settings), options)]);
    assert.equal(digest({}), digest({}));
    assert.notEqual(digest({}), digest({ env: { A: "1" } }));
  });
});

describe("a Service", () => {
  test("is named after the endpoint", () => {
    assert.equal(serviceManifest(spec(), options).metadata?.name, "invert");
  });

  test("has a valid name if the endpoint's name begins with a digit (RFC 1035)", () => {
    for (const endpoint of ["1a", "1".repeat(63)])
      assert.match(serviceName(endpoint), /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
    assert.notEqual(serviceName("1a"), serviceName("1b"));
  });

  test("has a valid name for a variant, whose own name is a valid label value and a valid name of a Deployment", () => {
    for (const endpoint of ["x", `a${"-b".repeat(24)}c`]) {
      const variant = variantRef({ org: "acme", endpoint }, "0123456789ab").endpoint;
      assert.match(variant, /^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$/);
      assert.match(serviceName(variant), /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
    }
    assert.notEqual(serviceName("x.0123456789ab"), serviceName("x-0123456789ab"));
  });
});

describe("an autoscaler", () => {
  test("has the endpoint's limits, and at least one replica", () => {
    const { minReplicas, maxReplicas } = autoscalerManifest(spec({ replicas: 0, maxReplicas: 7 }), options).spec ?? {};
    assert.deepEqual([minReplicas, maxReplicas], [1, 7]);
  });

  test("does not go below the replicas that are needed now, within the endpoint's limits", () => {
    const minReplicas = (requested: number) =>
      autoscalerManifest(spec({ replicas: 2, maxReplicas: 7 }), options, requested).spec?.minReplicas;
    assert.deepEqual([1, 5, 9].map(minReplicas), [2, 5, 7]);
  });

  test("targets a fraction of the CPU limit as an absolute value, because requests are smaller than limits", () => {
    const [metric] = autoscalerManifest(spec({ cpu: "200m" }), options).spec?.metrics ?? [];
    assert.deepEqual(metric?.resource?.target, { type: "AverageValue", averageValue: "160m" });
  });
});

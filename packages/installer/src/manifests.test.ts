import assert from "node:assert/strict";
import { test } from "node:test";
import { newKey, verifierOf } from "@faas/core";
import { partSelector } from "./labels.ts";
import { serverManifests } from "./manifests.ts";
import { SERVER_RULES } from "./permissions.ts";
import { type Exposure, type ServerManifestOptions, settingsFor } from "./settings.ts";

const options = (more: Partial<ServerManifestOptions> = {}): ServerManifestOptions => ({
  namespace: "tools",
  image: "registry.example.com/faas/server@sha256:00",
  storage: "1Gi",
  expose: "none",
  gateways: "0",
  ...more,
});
const of = <Kind extends string>(kind: Kind, more?: Partial<ServerManifestOptions>) => {
  const found = serverManifests(options(more)).find((manifest) => manifest.kind === kind);
  assert.ok(found, kind);
  return found as Extract<ReturnType<typeof serverManifests>[number], object> & { readonly spec?: never };
};
// biome-ignore lint/suspicious/noExplicitAny: fields of several kinds
const any = (object: unknown) => object as any;

test("all objects have the installation's labels, and namespaced ones are in its namespace", () => {
  for (const { kind, metadata } of serverManifests(options({ dockerConfigJson: "{}" }))) {
    const pairs = Object.entries(metadata?.labels ?? {}).map(([name, value]) => `${name}=${value}`);
    for (const label of partSelector("tools", "faas-server").split(","))
      assert.ok(pairs.includes(label), `${kind}: ${label}`);
    if (!/^(Namespace|ClusterRole.*|ValidatingAdmissionPolicy.*)$/.test(kind as string))
      assert.equal(metadata?.namespace, "tools", kind);
  }
});

test("two installations in a cluster share no object", () => {
  const names = (namespace: string) =>
    serverManifests(options({ namespace })).map(
      ({ kind, metadata }) => `${kind} ${metadata?.namespace}/${metadata?.name}`,
    );
  const both = [...names("one"), ...names("two")];
  assert.equal(new Set(both).size, both.length);
});

for (const [expose, service, hostPort, security] of [
  ["none", "ClusterIP", undefined, "restricted"],
  ["hostport", "ClusterIP", 8887, "privileged"],
  ["nodeport", "NodePort", undefined, "restricted"],
  ["loadbalancer", "LoadBalancer", undefined, "restricted"],
] as const satisfies [Exposure, string, number | undefined, string][]) {
  test(`--expose ${expose} sets the service type, host port and pod security`, () => {
    assert.equal(any(of("Service", { expose })).spec.type, service);
    const [container] = any(of("Deployment", { expose })).spec.template.spec.containers;
    assert.equal(container.ports[0].hostPort, hostPort);
    assert.equal(of("Namespace", { expose }).metadata?.labels?.["pod-security.kubernetes.io/enforce"], security);
  });
}

test("the pod complies with restricted pod security, and can only write to its volume and /tmp", () => {
  const { spec } = any(of("Deployment")).spec.template;
  assert.equal(spec.securityContext.runAsNonRoot, true);
  assert.deepEqual(spec.securityContext.seccompProfile, { type: "RuntimeDefault" });
  const [container] = spec.containers;
  assert.deepEqual(container.securityContext, {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  assert.deepEqual(
    container.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath),
    ["/data", "/tmp"],
  );
});

test("the pod gets the verifier of the admin key but not the key, and another key replaces the pod", () => {
  const one = newKey("admin").token;
  const withKey = options({ adminToken: one });
  const secret = any(serverManifests(withKey).find(({ kind }) => kind === "Secret"));
  assert.equal(Buffer.from(secret.data.token, "base64").toString(), one);
  assert.equal(Buffer.from(secret.data.verifier, "base64").toString(), verifierOf(one));
  const { metadata, spec } = any(of("Deployment", withKey)).spec.template;
  assert.ok(!JSON.stringify(any(of("Deployment", withKey))).includes(one));
  const [volume] = spec.volumes.filter(({ name }: { name: string }) => name === "admin-key");
  assert.deepEqual(volume.secret.items, [{ key: "verifier", path: "verifier" }]);
  const [{ args, volumeMounts }] = spec.containers;
  const { mountPath, readOnly } = volumeMounts.at(-1);
  assert.equal(args[args.indexOf("--admin-key-file") + 1], `${mountPath}/verifier`);
  assert.equal(args[args.indexOf("--auth") + 1], "on");
  assert.equal(readOnly, true);
  const other = any(of("Deployment", { adminToken: newKey("admin").token })).spec.template.metadata;
  assert.notDeepEqual(metadata.annotations, other.annotations);
});

test("without an admin key the server runs with --auth off", () => {
  const [{ args }] = any(of("Deployment")).spec.template.spec.containers;
  assert.equal(args[args.indexOf("--auth") + 1], "off");
});

test("one server runs at a time, and has more time to stop than its requests", () => {
  const { spec } = any(of("Deployment"));
  assert.deepEqual([spec.replicas, spec.strategy], [1, { type: "Recreate" }]);
  assert.ok(spec.template.spec.terminationGracePeriodSeconds > 10);
});

test("settings become the server's options, and are stored with the installation", () => {
  const settings = {
    registryPush: "localhost:5000",
    registryPull: "registry:5000",
    startupCpu: "500m",
    cpuMax: "2",
    poolSize: 0,
    storageClass: "fast",
    maxConnections: 5000,
    maxConnectionsPerAddress: 500,
  };
  const deployment = any(of("Deployment", settings));
  const { args } = deployment.spec.template.spec.containers[0];
  for (const [flag, value] of [
    ["--platform", "kubernetes"],
    ["--data", "/data"],
    ["--registry-push", "localhost:5000"],
    ["--registry-pull", "registry:5000"],
    ["--startup-cpu", "500m"],
    ["--cpu-max", "2"],
    ["--pool-size", "0"],
    ["--max-connections", "5000"],
    ["--max-connections-per-address", "500"],
  ] as const)
    assert.equal(args[args.indexOf(flag) + 1], value, flag);
  assert.deepEqual(JSON.parse(deployment.metadata.annotations["faas/install"]), {
    ...settings,
    storage: "1Gi",
    expose: "none",
    gateways: "0",
  });
  assert.equal(any(of("PersistentVolumeClaim", settings)).spec.storageClassName, "fast");
  assert.equal("storageClassName" in any(of("PersistentVolumeClaim")).spec, false);
});

test("the pod names a pull secret only if the registry requires a password", () => {
  const withLogin = options({ dockerConfigJson: '{"auths":{}}' });
  const secret = any(serverManifests(withLogin).find(({ kind }) => kind === "Secret"));
  assert.equal(Buffer.from(secret.data[".dockerconfigjson"], "base64").toString(), '{"auths":{}}');
  assert.deepEqual(any(of("Deployment", withLogin)).spec.template.spec.imagePullSecrets, [
    { name: secret.metadata.name },
  ]);
  assert.equal(
    serverManifests(options()).some(({ kind }) => kind === "Secret"),
    false,
  );
  assert.equal("imagePullSecrets" in any(of("Deployment")).spec.template.spec, false);
});

test("the server's permissions have no wildcard and reading of two secrets by name, no exec and no change of permissions", () => {
  for (const { apiGroups = [], resources = [], verbs, resourceNames } of SERVER_RULES) {
    assert.equal([...apiGroups, ...resources, ...verbs].includes("*"), false);
    for (const forbidden of ["pods/exec", "pods/attach", "pods/portforward", "roles", "clusterroles", "rolebindings"])
      assert.equal(resources.includes(forbidden), false, forbidden);
    // Their operating systems and CPUs, and nothing that changes them.
    if (resources.includes("nodes")) assert.deepEqual(verbs, ["list"]);
    if (resources.includes("secrets")) {
      assert.deepEqual(resourceNames, ["faas-registry", "faas-secrets"]);
      assert.deepEqual(verbs, ["get", "create", "patch", "delete"]);
    }
  }
});

test("with a TLS Secret the server uses HTTPS, and so do its probes", () => {
  const { spec } = any(of("Deployment", { tlsSecret: "faas-tls" })).spec.template;
  const [container] = spec.containers;
  assert.ok(container.args.join(" ").includes("--tls-cert /etc/faas/tls/tls.crt --tls-key /etc/faas/tls/tls.key"));
  for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"])
    assert.equal(container[probe].httpGet.scheme, "HTTPS");
  const named = ({ name }: { name: string }) => name === "tls";
  assert.equal(container.volumeMounts.find(named).mountPath, "/etc/faas/tls");
  assert.equal(spec.volumes.find(named).secret.secretName, "faas-tls");
});

test("several TLS Secrets are certificates by name, the first one the default", () => {
  const { spec } = any(of("Deployment", { tlsSecret: "faas-tls,shop-tls" })).spec.template;
  const [container] = spec.containers;
  const folders = ["/etc/faas/tls", "/etc/faas/tls-2"];
  const args = folders.map((folder) => `--tls-cert ${folder}/tls.crt --tls-key ${folder}/tls.key`);
  assert.ok(container.args.join(" ").includes(args.join(" ")));
  const mounts = container.volumeMounts.filter(({ name }: { name: string }) => name.startsWith("tls"));
  const secretOf = (mounted: string) =>
    spec.volumes.find(({ name }: { name: string }) => name === mounted).secret.secretName;
  assert.deepEqual(
    mounts.map(({ name, mountPath }: { name: string; mountPath: string }) => [mountPath, secretOf(name)]),
    [
      ["/etc/faas/tls", "faas-tls"],
      ["/etc/faas/tls-2", "shop-tls"],
    ],
  );
});

test("an upgrade keeps the TLS Secret, and --tls-secret none removes it", () => {
  const previous = settingsFor({ tlsSecret: "faas-tls", maxConnections: 5000 });
  assert.equal(settingsFor({ expose: "nodeport" }, previous).tlsSecret, "faas-tls");
  assert.equal(settingsFor({ tlsSecret: "other" }, previous).tlsSecret, "other");
  const without = settingsFor({ tlsSecret: "none" }, previous);
  assert.deepEqual(without, { storage: "1Gi", expose: "none", maxConnections: 5000 });
  const { spec } = any(of("Deployment", without)).spec.template;
  assert.equal(spec.containers[0].args.includes("--tls-cert"), false);
  assert.equal(spec.containers[0].readinessProbe.httpGet.scheme, undefined);
  assert.equal(JSON.stringify(spec).includes("tls"), false);
});

test("--otlp sets the variables for traces in the pods of server and gateways, and none removes them", () => {
  const containersOf = (more: Partial<ServerManifestOptions>) =>
    serverManifests(options({ gateways: "2", gatewayToken: "token", ...more }))
      .filter(({ kind }) => kind === "Deployment")
      .map((deployment) => any(deployment).spec.template.spec.containers[0]);
  const variables = (more: Partial<ServerManifestOptions>) =>
    containersOf(more).map(({ env }) => env.filter(({ name }: { name: string }) => name.startsWith("OTEL_")));
  const ENDPOINT = { name: "OTEL_EXPORTER_OTLP_ENDPOINT", value: "http://collector:4318" };
  assert.deepEqual(variables({ otlp: "http://collector:4318" }), [[ENDPOINT], [ENDPOINT]]);
  const [server] = variables({ otlp: "http://collector:4318", traceRatio: 0.01 });
  assert.deepEqual(server?.slice(1), [
    { name: "OTEL_TRACES_SAMPLER", value: "parentbased_traceidratio" },
    { name: "OTEL_TRACES_SAMPLER_ARG", value: "0.01" },
  ]);
  for (const { envFrom } of containersOf({ otlp: "http://collector:4318" }))
    assert.deepEqual(envFrom, [{ secretRef: { name: "faas-opentelemetry", optional: true } }]);
  for (const more of [{}, { otlp: "none" }])
    for (const container of containersOf(more)) {
      assert.equal(container.envFrom, undefined);
      assert.ok(!container.env.some(({ name }: { name: string }) => name.startsWith("OTEL_")));
    }
});

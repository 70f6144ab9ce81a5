import assert from "node:assert/strict";
import { test } from "node:test";
import { gatewayDeployment } from "./gateway-deployment.ts";
import { serverManifests } from "./manifests.ts";
import { GATEWAY_RULES } from "./permissions.ts";
import { type ServerManifestOptions, settingsFor } from "./settings.ts";

const TOKEN = "token-of-this-test";
const options = (more: Partial<ServerManifestOptions> = {}): ServerManifestOptions => ({
  namespace: "tools",
  image: "registry.example.com/faas/server@sha256:00",
  gateways: "3",
  gatewayToken: TOKEN,
  ...settingsFor({ storage: "1Gi", ...more }),
  ...more,
});
// biome-ignore lint/suspicious/noExplicitAny: fields of several kinds
const named = (kind: string, name: string, more?: Partial<ServerManifestOptions>): any => {
  const found = serverManifests(options(more)).find(
    (manifest) => manifest.kind === kind && manifest.metadata?.name === name,
  );
  assert.ok(found, `${kind} ${name}`);
  return found;
};
const containerOf = (name: string, more?: Partial<ServerManifestOptions>) =>
  named("Deployment", name, more).spec.template.spec.containers[0];
const valueAfter = (args: readonly string[], flag: string) => args[args.indexOf(flag) + 1];
const labelsOf = (name: string) => named("Deployment", name).spec.template.metadata.labels;
const selects = (selector: Record<string, string>, labels: Record<string, string>) =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);

test("clients reach the gateways, and gateways reach the control server", () => {
  const { selector, ports } = named("Service", "faas").spec;
  assert.deepEqual(
    [selects(selector, labelsOf("faas-gateway")), selects(selector, labelsOf("faas-server"))],
    [true, false],
  );
  assert.deepEqual(
    ports.map(({ port }: { port: number }) => port),
    [8887],
  );
  const control = named("Service", "faas-control").spec;
  assert.deepEqual(
    [selects(control.selector, labelsOf("faas-server")), selects(control.selector, labelsOf("faas-gateway"))],
    [true, false],
  );
  assert.equal(control.publishNotReadyAddresses, true);
  const { args } = containerOf("faas-gateway");
  assert.equal(valueAfter(args, "--control"), `http://faas-control.tools.svc:${control.ports[0].port}`);
  const { args: serverArgs, ports: serverPorts } = containerOf("faas-server");
  assert.equal(valueAfter(serverArgs, "--control-listen"), `0.0.0.0:${serverPorts[0].containerPort}`);
  assert.equal(serverPorts[0].name, control.ports[0].targetPort);
});

test("the port of a gateway stays open while it starts again after a crash", () => {
  const { command, args, ports } = containerOf("faas-gateway");
  const [program, ...rest] = command.slice(1);
  assert.match(program, /\/gateway\/programs\/keep-listening\.pl$/);
  assert.deepEqual(rest.slice(0, 3), ["0.0.0.0", String(ports[0].containerPort), "--"]);
  assert.equal(valueAfter(args, "--port"), String(ports[0].containerPort));
});

test("the Service for clients changes after everything else, so that it selects pods that are ready", () => {
  const { kind, metadata } = serverManifests(options()).at(-1) ?? {};
  assert.deepEqual([kind, metadata?.name], ["Service", "faas"]);
});

test("gateways and the control server have the same token, and a new one replaces their pods", () => {
  const secret = named("Secret", "faas-gateway-token");
  assert.equal(Buffer.from(secret.data.token, "base64").toString(), TOKEN);
  for (const name of ["faas-gateway", "faas-server"]) {
    const { metadata, spec } = named("Deployment", name).spec.template;
    assert.ok(!JSON.stringify(spec).includes(TOKEN));
    const [{ args, volumeMounts }] = spec.containers;
    const volume = spec.volumes.find(
      (each: { secret?: { secretName: string } }) => each.secret?.secretName === "faas-gateway-token",
    );
    const mount = volumeMounts.find((each: { name: string }) => each.name === volume.name);
    assert.equal(valueAfter(args, "--gateway-token-file"), `${mount.mountPath}/token`);
    const other = named("Deployment", name, { gatewayToken: "another" }).spec.template.metadata;
    assert.notDeepEqual(metadata.annotations, other.annotations);
  }
});

test("a new gateway takes calls before an old one ends, except where a node has the port only once", () => {
  const strategy = (more?: Partial<ServerManifestOptions>) => named("Deployment", "faas-gateway", more).spec.strategy;
  assert.deepEqual(strategy().rollingUpdate, { maxUnavailable: 0, maxSurge: 1 });
  assert.deepEqual(strategy({ expose: "hostport" }).rollingUpdate, { maxUnavailable: 1, maxSurge: 0 });
  const ports = containerOf("faas-gateway", { expose: "hostport" }).ports;
  assert.equal(ports[0].hostPort, 8887);
  assert.equal("hostPort" in containerOf("faas-server", { expose: "hostport" }).ports[0], false);
});

test("a terminating gateway has time to drain, and for calls in progress after that", () => {
  const { terminationGracePeriodSeconds, containers } = named("Deployment", "faas-gateway").spec.template.spec;
  const seconds = (flag: string) => Number.parseInt(valueAfter(containers[0].args, flag) as string, 10);
  assert.ok(terminationGracePeriodSeconds > seconds("--drain") + seconds("--finish"));
});

test("one number of gateways is fixed, two are the bounds of an autoscaler", () => {
  assert.equal(named("Deployment", "faas-gateway").spec.replicas, 3);
  const kinds = (gateways: string) => serverManifests(options({ gateways })).map(({ kind }) => kind as string);
  assert.equal(kinds("3").includes("HorizontalPodAutoscaler"), false);
  const { minReplicas, maxReplicas } = named("HorizontalPodAutoscaler", "faas-gateway", { gateways: "2-10" }).spec;
  assert.deepEqual([minReplicas, maxReplicas], [2, 10]);
});

test("an upgrade keeps the number of gateways that the autoscaler has set, within its bounds", () => {
  const replicas = (gatewayReplicas: number | undefined) =>
    gatewayDeployment(options({ gateways: "2-10", ...(gatewayReplicas === undefined ? {} : { gatewayReplicas }) })).spec
      ?.replicas;
  assert.deepEqual([undefined, 1, 7, 20].map(replicas), [2, 2, 7, 10]);
});

test("with HTTPS the gateways have the certificates, and the control server none", () => {
  const more = { tlsSecret: "faas-tls" };
  const gateway = containerOf("faas-gateway", more);
  assert.equal(valueAfter(gateway.args, "--tls-cert"), "/etc/faas/tls/tls.crt");
  assert.equal(gateway.readinessProbe.httpGet.scheme, "HTTPS");
  const server = named("Deployment", "faas-server", more).spec.template.spec;
  assert.equal(JSON.stringify(server).includes("tls"), false);
  assert.equal(server.containers[0].readinessProbe.httpGet.scheme, undefined);
});

test("limits of connections apply to the gateways, which accept them", () => {
  const more = { maxConnections: 5000, maxConnectionsPerAddress: 500, accessLog: "off" } as const;
  const { args } = containerOf("faas-gateway", more);
  assert.equal(valueAfter(args, "--max-connections"), "5000");
  assert.equal(valueAfter(args, "--max-connections-per-address"), "500");
  assert.equal(valueAfter(args, "--access-log"), "off");
  assert.equal(containerOf("faas-server", more).args.includes("--max-connections"), false);
});

test("the gateways' pods comply with restricted pod security, and can write nothing but /tmp", () => {
  const { spec } = named("Deployment", "faas-gateway").spec.template;
  assert.equal(spec.securityContext.runAsNonRoot, true);
  const [{ securityContext, volumeMounts }] = spec.containers;
  assert.deepEqual(securityContext.capabilities, { drop: ["ALL"] });
  const writable = volumeMounts.filter(({ readOnly }: { readOnly?: boolean }) => !readOnly);
  assert.deepEqual(
    writable.map(({ mountPath }: { mountPath: string }) => mountPath),
    ["/tmp"],
  );
});

test("a gateway may only follow EndpointSlices and start replicas", () => {
  assert.deepEqual(GATEWAY_RULES, [
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
    { apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["get", "patch"] },
  ]);
  const policy = named("ValidatingAdmissionPolicy", "faas-gateway-tools").spec;
  assert.match(policy.matchConditions[0].expression, /"system:serviceaccount:tools:faas-gateway"/);
  assert.equal(named("ValidatingAdmissionPolicyBinding", "faas-gateway-tools").spec.policyName, "faas-gateway-tools");
});

test("there are two gateways, and none where each would need a node", () => {
  const { gateways: _, ...withoutNumber } = options();
  const deployments = (expose: "none" | "hostport") =>
    serverManifests({ ...withoutNumber, expose }).filter(({ kind }) => kind === "Deployment").length;
  assert.deepEqual([deployments("none"), deployments("hostport")], [2, 1]);
  assert.equal(gatewayDeployment({ ...withoutNumber, expose: "none" }).spec?.replicas, 2);
});

test("without gateways, nothing of them exists, and the control server accepts the clients", () => {
  const all = serverManifests(options({ gateways: "0" }));
  assert.equal(JSON.stringify(all.filter(({ kind }) => kind !== "Deployment")).includes("gateway"), false);
  const { selector } = named("Service", "faas", { gateways: "0" }).spec;
  assert.ok(selects(selector, labelsOf("faas-server")));
  const { args, ports } = containerOf("faas-server", { gateways: "0" });
  assert.deepEqual([ports[0].containerPort, valueAfter(args, "--port")], [8887, "8887"]);
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { newKey } from "@faas/core";
import { chartObjects, hasGateways, serverManifests, settingsFor } from "@faas/installer";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { tempDir } from "@faas/testing";
import fc from "fast-check";
import { parseAllDocuments } from "yaml";
import { runHere } from "../../../packages/cli/src/testing/test-cli.ts";

/** The Helm chart, rendered by Helm itself, has the objects of `faas install`. */

const VERSION = "v3.22.0";
const NAMESPACE = "tools";
const folder = join(tempDir("chart"), "faas");
const { token: adminToken } = newKey("admin");
const gatewayToken = "token-of-this-test";
let helm = "helm";

before(async () => {
  if (spawnSync("helm", ["version"]).status !== 0) {
    const bin = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "faas-cluster/helm", VERSION);
    const { status, stderr } = spawnSync("go", ["install", `helm.sh/helm/v3/cmd/helm@${VERSION}`], {
      env: { ...process.env, GOBIN: bin },
    });
    assert.equal(status, 0, String(stderr));
    helm = join(bin, "helm");
  }
  const { code, stderr } = await runHere({ after: () => {} }, ["install", "--chart", folder], { cwd: folder });
  assert.equal(code, 0, stderr);
});

type Values = Readonly<Record<string, string | number>>;

/** Returns the objects that Helm renders, by kind and name. */
function rendered(values: Values): ReadonlyMap<string, unknown> {
  const given = JSON.stringify({ image: "registry/faas/server@sha256:00", ...values });
  const args = ["template", "faas", folder, "--namespace", NAMESPACE, "--kube-version", "1.36.0", "--values", "-"];
  const { status, stdout, stderr } = spawnSync(helm, args, { input: given, encoding: "utf8" });
  assert.equal(status, 0, `${given}: ${stderr}`);
  return byName(parseAllDocuments(stdout).map((document) => document.toJS()));
}

/** Returns the objects of `faas install` with the options that values stand for. */
function installed({ gatewaysMax, gateways, gatewayToken: token, adminToken: key, ...given }: Values) {
  const number = gatewaysMax === undefined ? gateways : `${gateways ?? 2}-${gatewaysMax}`;
  const settings = settingsFor({ ...given, ...(number === undefined ? {} : { gateways: String(number) }) });
  const options = {
    ...{ namespace: NAMESPACE, image: "registry/faas/server@sha256:00", ...given, ...settings },
    ...(given.auth === "off" ? {} : { adminToken: String(key) }),
    ...(hasGateways(settings) ? { gatewayToken: String(token) } : {}),
  };
  const objects: readonly unknown[] = JSON.parse(JSON.stringify(serverManifests(options)));
  return byName(chartObjects(objects as readonly KubernetesObject[]));
}

const byName = (objects: readonly KubernetesObject[]) =>
  new Map(
    objects
      .filter((object) => object !== null)
      .map((object): [string, unknown] => [`${object.kind} ${object.metadata?.name}`, object])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

const TOKENS = { adminToken, gatewayToken };

test("with the default values, and the tokens, it has the objects of faas install", () => {
  const [objects, expected] = [rendered(TOKENS), installed(TOKENS)];
  assert.ok(expected.size > 15);
  assert.deepEqual(objects, expected);
});

test("without tokens it refers to existing Secrets", () => {
  const [objects, expected] = [rendered({}), installed(TOKENS)];
  const missing = [...expected.keys()].filter((name) => !objects.has(name));
  assert.deepEqual(missing, ["Secret faas-admin-key", "Secret faas-gateway-token"]);
});

test("with any other values it has the objects of faas install with the same options", () => {
  const text = (name: string) => fc.option(fc.constant(`${name}-value`), { nil: undefined });
  const route = fc.record({
    certIssuer: text("issuer"),
    tlsSecret: text("secret"),
    ingressClass: text("class"),
    gateway: fc.constantFrom(undefined, "public", "public/infra"),
    gatewayClass: text("gateway-class"),
  });
  const numbers = fc.record({
    gateways: fc.constantFrom(undefined, 0, 1, 3),
    gatewaysMax: fc.constantFrom(undefined, undefined, 7),
    poolSize: fc.constantFrom(undefined, 0, 4),
    traceRatio: fc.constantFrom(undefined, 0, 0.25),
    maxConnections: fc.constantFrom(undefined, 5000, 1_000_000),
    maxConnectionsPerAddress: fc.constantFrom(undefined, 100),
  });
  const texts = fc.record({
    ...{ allowImages: text("images"), cpuMax: text("cpu"), otlp: text("otlp"), registryPull: text("pull") },
    baseRegistry: text("bases"),
    ...{ registryPush: text("push"), startupCpu: text("startup"), storageClass: text("class") },
    ...{ accessLog: fc.constantFrom(undefined, "off"), logRequestIds: fc.constantFrom(undefined, "off") },
    ...{ auth: fc.constantFrom("on", "off"), storage: fc.constantFrom("1Gi", "20Gi") },
    ...{ dockerConfigJson: fc.constantFrom(undefined, '{"auths":{}}') },
    expose: fc.constantFrom("none", "hostport", "nodeport", "loadbalancer", "ingress", "gateway"),
  });
  const values = fc.tuple(texts, numbers, route).map(([first, second, third]) => {
    const isRouted = first.expose === "ingress" || first.expose === "gateway";
    const all = { ...first, ...second, ...(isRouted ? { ...third, host: "faas.example.com" } : {}), ...TOKENS };
    const valid = second.gateways === 0 ? { ...all, gatewaysMax: undefined } : all;
    return Object.fromEntries(Object.entries(valid).filter(([, value]) => value !== undefined)) as Values;
  });
  const compare = (given: Values) => assert.deepEqual(rendered(given), installed(given));
  fc.assert(fc.property(values, compare), { numRuns: 60, endOnFailure: true });
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { after, test } from "node:test";
import { isNotFound, type Kind, type KubernetesObject } from "@faas/platforms/kubernetes-client";
import type { V1Ingress } from "@kubernetes/client-node";
import { eventually } from "../eventually.ts";
import { GatewayInstallation } from "../gateways/installation.ts";

/** Exposure through an Ingress and the Gateway API. The cluster has no controllers for them: it checks the objects, and stores them. */

const VERSION = "v1.4.1";
/** Nothing answers there, which is known at once. */
const HOST = "faas.localhost";
const installation = await GatewayInstallation.create(
  ...[
    "--gateways",
    "1",
    "--expose",
    "ingress",
    "--host",
    HOST,
    "--cert-issuer",
    "letsencrypt",
    "--ingress-class",
    "web",
  ],
);
after(() => installation[Symbol.asyncDispose]());
const { api, namespace } = installation;

const image = await installation.imageOf("faas-server");
const install = (...options: readonly string[]) =>
  installation.faas("install", "--namespace", namespace, "--image", image, ...options);
const namesOf = async (kind: Kind) => (await api.list<KubernetesObject>(kind, namespace, "")).map(nameOf).sort();
const nameOf = ({ metadata }: KubernetesObject) => metadata?.name;

test("an Ingress leads to the server, and an upgrade keeps it", async () => {
  assert.equal(installation.url, `https://${HOST}`);
  const { stderr } = await installation.faas("upgrade", "--namespace", namespace, "--image", image);
  assert.match(stderr, /kubectl -n \S+ describe ingress\/faas/);
  const found = await api.get<V1Ingress & KubernetesObject>("Ingress", namespace, "faas");
  assert.deepEqual(found?.spec?.tls, [{ hosts: [HOST], secretName: "faas-tls" }]);
  assert.equal(found?.spec?.ingressClassName, "web");
});

test("the Gateway API replaces the Ingress, and no exposure removes both", async () => {
  await installGatewayApi(async () => {
    const options = ["--expose", "gateway", "--gateway-class", "none-here"];
    await assert.rejects(install(...options), /GATEWAY_API_MISSING/);
    assert.deepEqual(await namesOf("Ingress"), ["faas"]);
  });
  await assert.rejects(install("--expose", "gateway", "--gateway", "public/nowhere"), /no Gateway "public"/);
  await install("--expose", "gateway", "--gateway-class", "none-here");
  assert.deepEqual(await namesOf("Ingress"), []);
  assert.deepEqual(await namesOf("Gateway"), ["faas"]);
  assert.deepEqual(await namesOf("HTTPRoute"), ["faas", "faas-redirect"]);
  const listeners = [{ name: "web", port: 443, protocol: "HTTPS", tls: { certificateRefs: [{ name: "web" }] } }];
  await api.create({
    ...{ apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name: "public", namespace } },
    ...{ spec: { gatewayClassName: "none-here", listeners } },
  } as KubernetesObject);
  assert.equal((await install("--gateway", "public")).stdout, `https://${HOST}\n`);
  assert.deepEqual([await namesOf("Gateway"), await namesOf("HTTPRoute")], [["public"], ["faas"]]);
  await install("--expose", "none");
  assert.deepEqual([await namesOf("Gateway"), await namesOf("HTTPRoute")], [["public"], []]);
});

/** Adds the Gateway API to the cluster, unless it is there. `before` is called without it. */
async function installGatewayApi(before: () => Promise<void>): Promise<void> {
  const isMissing = await namesOf("HTTPRoute").then(() => false, isNotFound);
  if (!isMissing) return;
  await before();
  const { stdout } = spawnSync("go", ["mod", "download", "-json", `sigs.k8s.io/gateway-api@${VERSION}`]);
  const folder = join(JSON.parse(String(stdout)).Dir, "config/crd/standard");
  const files = ["gateways", "httproutes"].flatMap((name) => [
    "--filename",
    join(folder, `gateway.networking.k8s.io_${name}.yaml`),
  ]);
  after(() => spawnSync("kubectl", ["delete", "--wait=false", ...files]));
  const { status, stderr } = spawnSync("kubectl", ["apply", "--server-side", ...files]);
  assert.equal(status, 0, String(stderr));
  await eventually("the API of Gateways", async () => [await namesOf("HTTPRoute"), await namesOf("Gateway")]);
}

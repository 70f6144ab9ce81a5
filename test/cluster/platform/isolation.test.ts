import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { ClusterServer } from "../cluster-server.ts";
import { until } from "../until.ts";

/** Who can reach whom: needs a cluster whose network enforces NetworkPolicies. */

const server = await ClusterServer.start();
after(() => server[Symbol.asyncDispose]());
const [one, two] = [server.org(), server.org()];

/** Tries to connect to an address, or to look a name up, and says what came of it. */
const asks = `
import { connect } from "node:net";
import { lookup } from "node:dns/promises";
export const handler = ({ query }) => query.name ? lookup(query.name).then(() => "found", ({ code }) => code) : new Promise((answer) => {
  const socket = connect({ host: query.host, port: Number(query.port), timeout: 1500 });
  const say = (what) => { socket.destroy(); answer(what); };
  socket.once("connect", () => say("connected")).once("timeout", () => say("nothing")).once("error", ({ code }) => say(code));
});
`;

async function addressOf(key: string): Promise<string> {
  const [pod] = await server.pods(key);
  return pod?.status?.podIP as string;
}

const reach = (from: string, host: string, port = 8080) => server.text(`${from}?host=${host}&port=${port}`);
/** A new pod's policies apply a moment after it has its address. */
const soon = (look: () => Promise<string>, expected: string) =>
  until(expected, look, (seen) => seen === expected, 15_000);

describe("functions of organizations", async () => {
  await server.serve(`${one}/asks`, asks);
  await server.serve(`${two}/asks`, asks);
  await server.serve(`${one}/closed`, asks, { egress: "none" });

  test("cannot reach another organization's replicas", async () => {
    await soon(async () => reach(`${one}/asks`, await addressOf(`${two}/asks`)), "nothing");
  });

  test("cannot go around the gateway within their own organization either", async () => {
    await soon(async () => reach(`${one}/asks`, await addressOf(`${one}/closed`)), "nothing");
  });

  test("can connect to the outside, here the cluster's own names", async () => {
    const dns = await dnsAddress();
    assert.equal(await reach(`${one}/asks`, dns, 53), "connected");
    assert.equal(await server.text(`${one}/asks?name=kubernetes.default.svc.cluster.local`), "found");
  });

  test("with egress none find names, and connect to nothing", async () => {
    assert.equal(await server.text(`${one}/closed?name=kubernetes.default.svc.cluster.local`), "found");
    await soon(async () => reach(`${one}/closed`, await apiAddress(), 443), "nothing");
  });

  test("answer the gateway all the same", async () => {
    assert.equal(await server.text(`${one}/closed?name=kubernetes.default.svc.cluster.local`), "found");
  });
});

interface Service extends KubernetesObject {
  readonly spec: { readonly clusterIP: string };
}

const dnsAddress = async () =>
  (await server.api.get<Service>("Service", "kube-system", "kube-dns"))?.spec.clusterIP ?? "";
const apiAddress = async () =>
  (await server.api.get<Service>("Service", "default", "kubernetes"))?.spec.clusterIP ?? "";

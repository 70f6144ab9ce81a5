import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { ClusterServer } from "../cluster-server.ts";
import { eventuallyHolds } from "../eventually.ts";

/** Network isolation of functions; needs a cluster whose network enforces NetworkPolicies. */

const server = await ClusterServer.start();
after(() => server[Symbol.asyncDispose]());
const [one, two] = [server.org(), server.org()];

/** Function that connects to an address, or looks up a name, and returns the result. */
const probe = `
import { connect } from "node:net";
import { lookup } from "node:dns/promises";
export const handler = ({ query }) => query.name ? lookup(query.name).then(() => "found", ({ code }) => code) : new Promise((answer) => {
  const socket = connect({ host: query.host, port: Number(query.port), timeout: 1500 });
  const report = (result) => { socket.destroy(); answer(result); };
  socket.once("connect", () => report("connected")).once("timeout", () => report("nothing")).once("error", ({ code }) => report(code));
});
`;

async function addressOf(key: string): Promise<string> {
  const [pod] = await server.pods(key);
  return pod?.status?.podIP as string;
}

const connect = (from: string, host: string, port = 8080) => server.text(`${from}?host=${host}&port=${port}`);
/** Waits for a result, because a new pod's policies apply shortly after it has its address. */
const eventuallyReturns = (expected: string, observe: () => Promise<string>) =>
  eventuallyHolds(expected, observe, (result) => result === expected);

describe("functions of organizations", async () => {
  await server.serve(`${one}/probe`, probe);
  await server.serve(`${two}/probe`, probe);
  await server.serve(`${one}/closed`, probe, { egress: "none" });

  test("cannot connect to another organization's replicas", async () => {
    await eventuallyReturns("nothing", async () => connect(`${one}/probe`, await addressOf(`${two}/probe`)));
  });

  test("cannot bypass the gateway within their own organization", async () => {
    await eventuallyReturns("nothing", async () => connect(`${one}/probe`, await addressOf(`${one}/closed`)));
  });

  test("can connect to the outside, for example to the cluster's DNS", async () => {
    const dns = await dnsAddress();
    assert.equal(await connect(`${one}/probe`, dns, 53), "connected");
    assert.equal(await server.text(`${one}/probe?name=kubernetes.default.svc.cluster.local`), "found");
  });

  test("with egress none can only look up names", async () => {
    assert.equal(await server.text(`${one}/closed?name=kubernetes.default.svc.cluster.local`), "found");
    await eventuallyReturns("nothing", async () => connect(`${one}/closed`, await apiAddress(), 443));
  });

  test("with egress none answer the gateway", async () => {
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

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Kind, type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-api";
import { ClusterControl, until } from "./control.ts";

/** Somebody deletes or changes by hand what the server made: it is mended, and said in the log. */

interface Deployment extends KubernetesObject {
  readonly spec: { readonly replicas: number };
}

describe("what somebody changes by hand is mended, and said in the log", { concurrency: 3 }, () => {
  let control: ClusterControl;
  before(async () => {
    control = await ClusterControl.start();
  });
  after(() => control[Symbol.asyncDispose]());

  /** An organization with an endpoint that answers. */
  const serving = async () => {
    const org = control.instance.org();
    const image = await control.instance.image('export const handler = () => "here";');
    const view = await control.deploy(org, "x", image);
    assert.equal(view.phase, "ready", JSON.stringify(view));
    return org;
  };
  const answers = async (org: string) => assert.deepEqual(await control.call(org, "x"), { status: 200, text: "here" });
  const get = <T extends KubernetesObject>(kind: Kind, org: string, name: string) =>
    control.instance.api.get<T>(kind, `faas-${org}`, name);
  const said = (org: string, message: RegExp) =>
    until(`the log says ${message}`, () =>
      control.log.find(({ level, endpoint, msg }) => level === 40 && endpoint === `${org}/x` && message.test(msg)),
    );
  /** Deletes it; resolves when there is another one in its place. */
  const replaced = async (kind: Kind, org: string, name: string) => {
    const before = await get(kind, org, name);
    assert.ok(before, `${kind} ${name} is there`);
    await control.instance.api.delete(kind, `faas-${org}`, name);
    await until(`${kind} ${name} is made again`, async () => {
      const uid = (await get(kind, org, name))?.metadata?.uid;
      return uid !== undefined && uid !== before.metadata?.uid ? true : undefined;
    });
  };

  for (const kind of ["Deployment", "Service"] as const) {
    test(`the ${kind} is deleted`, async () => {
      const org = await serving();
      await replaced(kind, org, "x");
      await answers(org);
      assert.deepEqual(await said(org, /deleted by somebody else: made again/).then((record) => record.kind), kind);
    });
  }

  test("the network policy is deleted", async () => {
    const org = await serving();
    await replaced("NetworkPolicy", org, "faas-gateway-only");
    await answers(org);
    await said(org, /^a network policy was deleted by somebody else: made again/);
  });

  test("the namespace is deleted with all that is in it", async () => {
    const org = await serving();
    await replaced("Namespace", org, `faas-${org}`);
    await answers(org);
    await said(org, /^its namespace was deleted by somebody else: made again/);
    for (const [kind, name] of [
      ["NetworkPolicy", "faas-gateway-only"],
      ["ResourceQuota", "faas"],
      ["LimitRange", "faas"],
      ["Service", "x"],
    ] as const)
      await until(`${kind} ${name} is made again`, () => get(kind, org, name));
  });

  for (const grace of [{}, { gracePeriodSeconds: 0 }]) {
    test(`a pod is deleted${"gracePeriodSeconds" in grace ? " without its grace" : ""}`, async () => {
      const org = await serving();
      const [replica] = (await control.view(org, "x")).replicas;
      await control.instance.api.call("DELETE", pathOf("Pod", `faas-${org}`, replica?.id), { body: grace });
      await said(org, /^a replica is ending that was still wanted/);
      await answers(org);
      assert.notEqual((await control.view(org, "x")).replicas[0]?.id, replica?.id);
    });
  }

  test("it is scaled by hand, up and to nothing", async () => {
    const org = await serving();
    for (const replicas of [3, 0]) {
      await control.instance.api.call("PATCH", `${pathOf("Deployment", `faas-${org}`, "x")}/scale`, {
        body: { spec: { replicas } },
        contentType: "application/merge-patch+json",
      });
      const record = await until(`the log says that ${replicas} replicas were found`, () =>
        control.log.find(({ endpoint, found }) => endpoint === `${org}/x` && found === replicas),
      );
      assert.match(record.msg, /^the number of replicas was not the wanted one: set again/);
      await until("one replica is wanted again", async () =>
        (await get<Deployment>("Deployment", org, "x"))?.spec.replicas === 1 ? true : undefined,
      );
      await answers(org);
    }
  });

  test("once a revision is deployed only it answers, though the number of replicas changes in the middle of the roll", async () => {
    const org = await serving();
    for (const [text, replicas] of Object.entries({ two: 2, one: 1, three: 3 })) {
      const image = await control.instance.image(`export const handler = () => "${text}";`);
      assert.equal((await control.deploy(org, "x", image, { replicas, idleTimeout: "never" })).phase, "ready");
      const seen = new Set<string>();
      await until("the roll has ended", async () => {
        seen.add((await control.call(org, "x")).text);
        const pods = await control.instance.api.list("Pod", `faas-${org}`, "");
        return pods.length === replicas ? true : undefined;
      });
      assert.deepEqual([...seen], [text]);
    }
  });

  test("what the server does itself is none of this", async () => {
    const org = await serving();
    const image = await control.instance.image('export const handler = () => "next";');
    assert.equal((await control.deploy(org, "x", image, { replicas: 2 })).phase, "ready");
    assert.equal((await control.deploy(org, "x", image, { replicas: 1 })).phase, "ready");
    await until("one replica is left", async () => {
      const pods = await control.instance.api.list("Pod", `faas-${org}`, "");
      return pods.length === 1 ? true : undefined;
    });
    assert.equal((await control.send("DELETE", `/-/orgs/${org}`)).status, 204);
    await until("the namespace is gone", async () => ((await get("Namespace", org, `faas-${org}`)) ? undefined : true));
    assert.deepEqual(
      control.log.filter(({ level, endpoint }) => level >= 40 && endpoint === `${org}/x`),
      [],
    );
  });
});

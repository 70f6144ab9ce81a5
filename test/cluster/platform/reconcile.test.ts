import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual, promisify } from "node:util";
import { type Kind, type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import { ClusterServer } from "../cluster-server.ts";
import { eventually } from "../eventually.ts";

/** Changes and deletions of the server's objects from outside are reverted and logged. */

interface Deployment extends KubernetesObject {
  readonly spec: { readonly replicas: number };
}

interface Pod extends KubernetesObject {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
}

const kubectl = async (org: string, ...args: readonly string[]) => {
  await promisify(execFile)("kubectl", ["--namespace", `faas-${org}`, ...args]);
};

describe("a change from outside faas is reverted and logged", { concurrency: 3 }, () => {
  let control: ClusterServer;
  before(async () => {
    control = await ClusterServer.start();
  });
  after(() => control[Symbol.asyncDispose]());

  /** Creates an organization with a ready endpoint. */
  const serving = async () => {
    const org = control.instance.org();
    const image = await control.instance.image('export const handler = () => "here";');
    const view = await control.deploy(`${org}/x`, image);
    assert.equal(view.phase, "ready", JSON.stringify(view));
    return org;
  };
  const answers = async (org: string) =>
    assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "here" });
  const get = <T extends KubernetesObject>(kind: Kind, org: string, name: string) =>
    control.instance.api.get<T>(kind, `faas-${org}`, name);
  const logged = (org: string, message: RegExp) =>
    eventually(`the log has ${message}`, () =>
      control.log.find(({ level, endpoint, msg }) => level === 40 && endpoint === `${org}/x` && message.test(msg)),
    );
  /** Waits for a warning about an object of the organization or its endpoint. */
  const loggedOf = (org: string, kind: Kind) =>
    eventually(`the log names the ${kind}`, () =>
      control.log.find(
        (record) =>
          record.level === 40 && record.kind === kind && (record.org === org || record.endpoint === `${org}/x`),
      ),
    );
  const specOf = async (org: string) => (await get<Deployment>("Deployment", org, "x"))?.spec;
  /** Deletes an object, and waits until another one has replaced it. */
  const replaced = async (kind: Kind, org: string, name: string) => {
    const before = await get(kind, org, name);
    assert.ok(before, `${kind} ${name} is there`);
    await control.instance.api.delete(kind, `faas-${org}`, name);
    await eventually(`${kind} ${name} is recreated`, async () => {
      const uid = (await get(kind, org, name))?.metadata?.uid;
      return uid !== undefined && uid !== before.metadata?.uid;
    });
  };

  for (const kind of ["Deployment", "Service"] as const) {
    test(`deletion of the ${kind}`, async () => {
      const org = await serving();
      await replaced(kind, org, "x");
      await answers(org);
      assert.deepEqual(await logged(org, /^object was deleted outside faas/).then((record) => record.kind), kind);
    });
  }

  for (const [kind, name] of [
    ["NetworkPolicy", "faas-gateway-only"],
    ["ResourceQuota", "faas"],
    ["LimitRange", "faas"],
  ] as const) {
    test(`deletion of the ${kind}`, async () => {
      const org = await serving();
      await replaced(kind, org, name);
      await answers(org);
      assert.equal((await loggedOf(org, kind)).msg, "object was deleted outside faas, recreating it");
    });
  }

  test("change of the image, a variable and a limit with kubectl, and removal of a field", async () => {
    const org = await serving();
    const before = await specOf(org);
    for (const [args, field] of [
      [["set", "image", "deployment/x", "function=localhost:1/no/such:1"], "containers[function].image"],
      [["set", "env", "deployment/x", "ADDED=by hand"], "containers[function].env[ADDED]"],
      [["set", "resources", "deployment/x", "--limits=memory=300Mi"], "containers[function].resources.limits.memory"],
      [
        [
          "patch",
          "deployment",
          "x",
          "--type=json",
          '-p=[{"op":"remove","path":"/spec/template/spec/enableServiceLinks"}]',
        ],
        "enableServiceLinks",
      ],
    ] as const) {
      const previousRecords = control.log.length;
      await kubectl(org, ...args);
      await eventually(`${field} is as before`, async () => isDeepStrictEqual(await specOf(org), before));
      const [record, ...more] = control.log
        .slice(previousRecords)
        .filter(({ endpoint, level }) => endpoint === `${org}/x` && level === 40);
      assert.deepEqual(more, []);
      assert.equal(record?.msg, "object was changed outside faas, reapplying it");
      assert.deepEqual([record?.kind, record?.fields], ["Deployment", [`spec.template.spec.${field}`]]);
      assert.deepEqual(record?.by, args[0] === "set" ? ["kubectl-set"] : []);
      await answers(org);
    }
  });

  test("rollback to the previous revision with kubectl", async () => {
    const org = await serving();
    const image = await control.instance.image('export const handler = () => "next";');
    const next = await control.deploy(`${org}/x`, image, { env: { ADDED: "later" } });
    assert.equal(next.phase, "ready");
    const before = await specOf(org);
    await kubectl(org, "rollout", "undo", "deployment/x");
    await eventually("the Deployment is as before", async () => isDeepStrictEqual(await specOf(org), before));
    await logged(org, /^object was changed outside faas/);
    await eventually("only pods of the current revision are left", async () => {
      const pods = await control.instance.api.list<Pod>("Pod", `faas-${org}`, "");
      return pods.every(({ metadata }) => metadata.labels["faas/revision"] === next.revision);
    });
    assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "next" });
  });

  test("change of a Service, network policy, quota, limit range and of the namespace's labels", async () => {
    const org = await serving();
    const enforce = "pod-security.kubernetes.io/enforce";
    for (const [kind, name, patch] of [
      ["Service", "x", { spec: { ports: [{ name: "http", port: 80, targetPort: 1 }] } }],
      ["NetworkPolicy", "faas-gateway-only", { spec: { ingress: [{}] } }],
      ["ResourceQuota", "faas", { spec: { hard: { pods: "1000", services: "1" } } }],
      ["LimitRange", "faas", { spec: { limits: [{ type: "Pod", max: { cpu: "1m" } }] } }],
      ["Namespace", `faas-${org}`, { metadata: { labels: { [enforce]: "privileged" } } }],
    ] as const) {
      const current = async () => {
        const found = await get<KubernetesObject & { spec?: unknown }>(kind, org, name);
        return kind === "Namespace" ? found?.metadata?.labels?.[enforce] : found?.spec;
      };
      const before = await current();
      await control.instance.api.call("PATCH", pathOf(kind, `faas-${org}`, name), {
        body: patch,
        contentType: "application/merge-patch+json",
        query: { fieldManager: "somebody" },
      });
      assert.notDeepEqual(await current(), undefined);
      const record = await loggedOf(org, kind);
      assert.equal(record.msg, "object was changed outside faas, reapplying it");
      await eventually(`the ${kind} is as before`, async () => isDeepStrictEqual(await current(), before));
    }
    await answers(org);
  });

  test("deletion of the namespace with all objects in it", async () => {
    const org = await serving();
    await replaced("Namespace", org, `faas-${org}`);
    await answers(org);
    assert.equal((await loggedOf(org, "Namespace")).msg, "object was deleted outside faas, recreating it");
    for (const [kind, name] of [
      ["NetworkPolicy", "faas-gateway-only"],
      ["ResourceQuota", "faas"],
      ["LimitRange", "faas"],
      ["Service", "x"],
    ] as const)
      await eventually(`${kind} ${name} is recreated`, () => get(kind, org, name));
  });

  for (const grace of [{}, { gracePeriodSeconds: 0 }]) {
    test(`deletion of a pod${"gracePeriodSeconds" in grace ? " without a grace period" : ""}`, async () => {
      const org = await serving();
      const [replica] = (await control.view(`${org}/x`)).replicas;
      await control.instance.api.call("DELETE", pathOf("Pod", `faas-${org}`, replica?.id), { body: grace });
      await logged(org, /^a replica that is still needed is terminating/);
      await answers(org);
      assert.notEqual((await control.view(`${org}/x`)).replicas[0]?.id, replica?.id);
    });
  }

  test("scaling up and to zero", async () => {
    const org = await serving();
    for (const replicas of [3, 0]) {
      await control.instance.api.call("PATCH", `${pathOf("Deployment", `faas-${org}`, "x")}/scale`, {
        body: { spec: { replicas } },
        contentType: "application/merge-patch+json",
      });
      const record = await eventually(`the log names ${replicas} replicas`, () =>
        control.log.find(({ endpoint, found }) => endpoint === `${org}/x` && found === replicas),
      );
      assert.match(record.msg, /^number of replicas was changed outside faas/);
      const isScaledBack = async () => (await get<Deployment>("Deployment", org, "x"))?.spec.replicas === 1;
      await eventually("one replica again", isScaledBack);
      await answers(org);
    }
  });

  test("a new revision is the only one to answer after its deployment, even if the number of replicas changes too", async () => {
    const org = await serving();
    for (const [text, replicas] of Object.entries({ two: 2, one: 1, three: 3 })) {
      const image = await control.instance.image(`export const handler = () => "${text}";`);
      assert.equal((await control.deploy(`${org}/x`, image, { replicas, idleTimeout: "never" })).phase, "ready");
      const seen = new Set<string>();
      await eventually("the rollout has ended", async () => {
        seen.add((await control.call(`${org}/x`)).text);
        return (await control.instance.api.list("Pod", `faas-${org}`, "")).length === replicas;
      });
      assert.deepEqual([...seen], [text]);
    }
  });

  test("changes by the server itself are not logged", async () => {
    const org = await serving();
    const image = await control.instance.image('export const handler = () => "next";');
    assert.equal((await control.deploy(`${org}/x`, image, { replicas: 2 })).phase, "ready");
    assert.equal((await control.deploy(`${org}/x`, image, { replicas: 1 })).phase, "ready");
    const pods = () => control.instance.api.list("Pod", `faas-${org}`, "");
    await eventually("one replica is left", async () => (await pods()).length === 1);
    assert.equal((await control.send("DELETE", `/-/orgs/${org}`)).status, 204);
    await eventually("the namespace is gone", async () => !(await get("Namespace", org, `faas-${org}`)));
    assert.deepEqual(
      control.log.filter(({ level, endpoint }) => level >= 40 && endpoint === `${org}/x`),
      [],
    );
  });
});

test("a change while no server ran is reverted by the next one, but a rollout restart is kept", async () => {
  await using control = await ClusterServer.start();
  const org = control.instance.org();
  const run = (...args: readonly string[]) => kubectl(org, ...args);
  const spec = async () => (await control.instance.api.get<Deployment>("Deployment", `faas-${org}`, "x"))?.spec;
  await control.deploy(`${org}/x`, await control.instance.image('export const handler = () => "here";'));
  const before = await spec();
  await run("rollout", "restart", "deployment/x");
  await run("rollout", "status", "deployment/x", "--timeout=60s");
  const restarted = await spec();
  assert.notDeepEqual(restarted, before);
  assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "here" });
  const changed = () => control.log.filter(({ msg }) => msg === "object was changed outside faas, reapplying it");
  assert.deepEqual(changed(), []);
  await control.stop();
  await run("set", "image", "deployment/x", "function=localhost:1/no/such:1");
  await run("set", "env", "deployment/x", "ADDED=by hand");
  await control.start();
  await eventually("the Deployment is as before", async () => isDeepStrictEqual(await spec(), restarted));
  assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "here" });
  assert.equal(changed().length, 1);
});

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { isDeepStrictEqual, promisify } from "node:util";
import { type Kind, type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import { ClusterServer } from "../cluster-server.ts";
import { until } from "../until.ts";

/** Somebody deletes or changes by hand what the server made: it is mended, and said in the log. */

interface Deployment extends KubernetesObject {
  readonly spec: { readonly replicas: number };
}

interface Pod extends KubernetesObject {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
}

const kubectl = async (org: string, ...args: readonly string[]) => {
  await promisify(execFile)("kubectl", ["--namespace", `faas-${org}`, ...args]);
};

describe("what somebody changes by hand is mended, and said in the log", { concurrency: 3 }, () => {
  let control: ClusterServer;
  before(async () => {
    control = await ClusterServer.start();
  });
  after(() => control[Symbol.asyncDispose]());

  /** An organization with an endpoint that answers. */
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
  const said = (org: string, message: RegExp) =>
    until(`the log says ${message}`, () =>
      control.log.find(({ level, endpoint, msg }) => level === 40 && endpoint === `${org}/x` && message.test(msg)),
    );
  /** Of an object, which may be the organization's or its endpoint's. */
  const saidOf = (org: string, kind: Kind) =>
    until(`the log speaks of the ${kind}`, () =>
      control.log.find(
        (one) => one.level === 40 && one.kind === kind && (one.org === org || one.endpoint === `${org}/x`),
      ),
    );
  const specOf = async (org: string) => (await get<Deployment>("Deployment", org, "x"))?.spec;
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

  for (const [kind, name] of [
    ["NetworkPolicy", "faas-gateway-only"],
    ["ResourceQuota", "faas"],
    ["LimitRange", "faas"],
  ] as const) {
    test(`the ${kind} is deleted`, async () => {
      const org = await serving();
      await replaced(kind, org, name);
      await answers(org);
      assert.equal((await saidOf(org, kind)).msg, "an object was deleted by somebody else: made again");
    });
  }

  test("the image, a variable and a limit are changed with kubectl, and a field is removed", async () => {
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
      const logged = control.log.length;
      await kubectl(org, ...args);
      await until(`${field} is as before`, async () =>
        isDeepStrictEqual(await specOf(org), before) ? true : undefined,
      );
      const [record, ...more] = control.log
        .slice(logged)
        .filter((one) => one.endpoint === `${org}/x` && one.level === 40);
      assert.deepEqual(more, []);
      assert.equal(record?.msg, "an object was changed by somebody else: set again");
      assert.deepEqual([record?.kind, record?.fields], ["Deployment", [`spec.template.spec.${field}`]]);
      assert.deepEqual(record?.by, args[0] === "set" ? ["kubectl-set"] : []);
      await answers(org);
    }
  });

  test("the former revision is put back with kubectl", async () => {
    const org = await serving();
    const image = await control.instance.image('export const handler = () => "next";');
    const next = await control.deploy(`${org}/x`, image, { env: { ADDED: "later" } });
    assert.equal(next.phase, "ready");
    const before = await specOf(org);
    await kubectl(org, "rollout", "undo", "deployment/x");
    await until("the Deployment is as before", async () => isDeepStrictEqual(await specOf(org), before) || undefined);
    await said(org, /^an object was changed by somebody else: set again/);
    await until("only the present revision's pods are left", async () => {
      const pods = await control.instance.api.list<Pod>("Pod", `faas-${org}`, "");
      return pods.every(({ metadata }) => metadata.labels["faas/revision"] === next.revision) || undefined;
    });
    assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "next" });
  });

  test("a Service, a network policy, a quota, a limit range and the namespace's labels are changed", async () => {
    const org = await serving();
    const enforce = "pod-security.kubernetes.io/enforce";
    for (const [kind, name, patch] of [
      ["Service", "x", { spec: { ports: [{ name: "http", port: 80, targetPort: 1 }] } }],
      ["NetworkPolicy", "faas-gateway-only", { spec: { ingress: [{}] } }],
      ["ResourceQuota", "faas", { spec: { hard: { pods: "1000", services: "1" } } }],
      ["LimitRange", "faas", { spec: { limits: [{ type: "Pod", max: { cpu: "1m" } }] } }],
      ["Namespace", `faas-${org}`, { metadata: { labels: { [enforce]: "privileged" } } }],
    ] as const) {
      const wanted = async () => {
        const found = await get<KubernetesObject & { spec?: unknown }>(kind, org, name);
        return kind === "Namespace" ? found?.metadata?.labels?.[enforce] : found?.spec;
      };
      const before = await wanted();
      await control.instance.api.call("PATCH", pathOf(kind, `faas-${org}`, name), {
        body: patch,
        contentType: "application/merge-patch+json",
        query: { fieldManager: "somebody" },
      });
      assert.notDeepEqual(await wanted(), undefined);
      const record = await saidOf(org, kind);
      assert.equal(record.msg, "an object was changed by somebody else: set again");
      await until(`the ${kind} is as before`, async () =>
        isDeepStrictEqual(await wanted(), before) ? true : undefined,
      );
    }
    await answers(org);
  });

  test("the namespace is deleted with all that is in it", async () => {
    const org = await serving();
    await replaced("Namespace", org, `faas-${org}`);
    await answers(org);
    assert.equal((await saidOf(org, "Namespace")).msg, "an object was deleted by somebody else: made again");
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
      const [replica] = (await control.view(`${org}/x`)).replicas;
      await control.instance.api.call("DELETE", pathOf("Pod", `faas-${org}`, replica?.id), { body: grace });
      await said(org, /^a replica is ending that was still wanted/);
      await answers(org);
      assert.notEqual((await control.view(`${org}/x`)).replicas[0]?.id, replica?.id);
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
      assert.equal((await control.deploy(`${org}/x`, image, { replicas, idleTimeout: "never" })).phase, "ready");
      const seen = new Set<string>();
      await until("the roll has ended", async () => {
        seen.add((await control.call(`${org}/x`)).text);
        const pods = await control.instance.api.list("Pod", `faas-${org}`, "");
        return pods.length === replicas ? true : undefined;
      });
      assert.deepEqual([...seen], [text]);
    }
  });

  test("what the server does itself is none of this", async () => {
    const org = await serving();
    const image = await control.instance.image('export const handler = () => "next";');
    assert.equal((await control.deploy(`${org}/x`, image, { replicas: 2 })).phase, "ready");
    assert.equal((await control.deploy(`${org}/x`, image, { replicas: 1 })).phase, "ready");
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

test("what is changed while no server looks is mended by the next one; a restart by hand is left alone", async () => {
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
  const changed = () => control.log.filter(({ msg }) => msg === "an object was changed by somebody else: set again");
  assert.deepEqual(changed(), []);
  await control.stop();
  await run("set", "image", "deployment/x", "function=localhost:1/no/such:1");
  await run("set", "env", "deployment/x", "ADDED=by hand");
  await control.start();
  await until("the Deployment is as before", async () =>
    isDeepStrictEqual(await spec(), restarted) ? true : undefined,
  );
  assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "here" });
  assert.equal(changed().length, 1);
});

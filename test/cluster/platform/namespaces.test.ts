import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { FaasError } from "@faas/core";
import { KubernetesPlatform } from "@faas/platforms/kubernetes";
import { type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import { startFakeRegistry } from "../../../packages/builder/src/testing/fake-registry.ts";
import { registry } from "../cluster.ts";
import { ClusterServer } from "../cluster-server.ts";
import { eventually } from "../eventually.ts";

/** Creation, protection, recreation and removal of organizations' namespaces. */

interface Secret extends KubernetesObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

interface ServiceAccount extends KubernetesObject {
  readonly imagePullSecrets?: readonly { readonly name: string }[];
}

const hello = 'export const handler = () => "hello";';

describe("an organization's namespace", { concurrency: 3 }, () => {
  let control: ClusterServer;
  before(async () => {
    control = await ClusterServer.start();
  });
  after(() => control[Symbol.asyncDispose]());

  const find = <T extends KubernetesObject>(kind: Parameters<typeof pathOf>[0], org: string, name: string) =>
    control.instance.api.get<T>(kind, `faas-${org}`, name);
  const namespaceOf = (org: string) => find("Namespace", org, `faas-${org}`);
  const createNamespace = (org: string) =>
    control.instance.api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: `faas-${org}` } });
  /** Creates a Secret of another owner; a finalizer keeps it, and its namespace, from being deleted. */
  const createSecret = (org: string, finalizers: readonly string[] = []) =>
    control.instance.api.create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "theirs", namespace: `faas-${org}`, finalizers },
    } as KubernetesObject);
  const removeFinalizers = (org: string) =>
    control.instance.api.call("PATCH", pathOf("Secret", `faas-${org}`, "theirs"), {
      body: { metadata: { finalizers: null } },
      contentType: "application/merge-patch+json",
    });

  test("that has another owner is left alone, and can be handed over with the command in the error", async () => {
    const org = control.instance.org();
    await createNamespace(org);
    await createSecret(org);
    const before = await namespaceOf(org);
    const artifact = await control.instance.image(hello);
    const rejected = await control.send("PUT", `/-/orgs/${org}/endpoints/x`, { artifact });
    assert.deepEqual([rejected.status, rejected.problem.code], [409, "NAMESPACE_TAKEN"]);
    assert.match(rejected.problem.detail ?? "", new RegExp(`^The namespace faas-${org} was not created by faas`));
    assert.deepEqual(await namespaceOf(org), before);
    for (const kind of ["Deployment", "NetworkPolicy", "ResourceQuota", "LimitRange"] as const)
      assert.deepEqual(await control.instance.api.list(kind, `faas-${org}`, ""), []);
    assert.equal((await control.send("GET", `/-/orgs/${org}`)).status, 404);

    const [, kubectl = ""] =
      /hand the namespace over to this server: kubectl (.*)$/.exec(rejected.problem.detail ?? "") ?? [];
    await promisify(execFile)("kubectl", kubectl.split(" "));
    assert.equal((await control.deploy(`${org}/x`, artifact)).phase, "ready");
    assert.ok(await find("Secret", org, "theirs"));
  });

  test("that belongs to another faas server is left alone, and the error names that server", async () => {
    const org = control.instance.org();
    await using other = await KubernetesPlatform.connect({
      dataDir: control.instance.folder,
      instance: control.instance.name,
    });
    await other.applyOrg(org, {});
    const { status, problem } = await control.send("PUT", `/-/orgs/${org}`);
    assert.deepEqual([status, problem.code], [409, "NAMESPACE_TAKEN"]);
    assert.ok(problem.detail?.includes(`belongs to another faas server ("${control.instance.name}")`), problem.detail);
  });

  test("is created when a terminating one is gone", async (t) => {
    const org = control.instance.org();
    t.after(() => removeFinalizers(org).catch(() => {}));
    const artifact = await control.instance.image(hello);
    assert.equal((await control.deploy(`${org}/x`, artifact)).phase, "ready");
    const before = await namespaceOf(org);
    await createSecret(org, ["faas.test/held"]);
    assert.equal((await control.send("DELETE", `/-/orgs/${org}`)).status, 204);
    const again = control.deploy(`${org}/x`, artifact);
    await eventually("the namespace is terminating", async () => (await namespaceOf(org))?.metadata?.deletionTimestamp);
    await removeFinalizers(org);
    assert.equal((await again).phase, "ready");
    assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "hello" });
    assert.notEqual((await namespaceOf(org))?.metadata?.uid, before?.metadata?.uid);
  });

  test("that cannot be deleted causes an error with the reason", async (t) => {
    const org = control.instance.org();
    t.after(() => removeFinalizers(org).catch(() => {}));
    await createNamespace(org);
    await createSecret(org, ["faas.test/held"]);
    await control.instance.api.delete("Namespace", undefined, `faas-${org}`);
    await eventually("the cluster reports the reason", async () => {
      const { status } = ((await namespaceOf(org)) ?? {}) as { status?: { conditions?: readonly unknown[] } };
      return (status?.conditions?.length ?? 0) > 0;
    });
    await using platform = await KubernetesPlatform.connect({
      dataDir: control.instance.folder,
      instance: control.instance.name,
      terminatingMs: 500,
    });
    await assert.rejects(platform.applyOrg(org, {}), (error) => {
      assert.ok(error instanceof FaasError);
      assert.equal(error.code, "NAMESPACE_TERMINATING");
      assert.match(error.message, new RegExp(`^The namespace faas-${org} is still being deleted: .*faas.test/held`));
      return true;
    });
  });

  test("has a registry login in a Secret that the service account names, and the login can be replaced", async () => {
    const org = control.instance.org();
    const auth = (password: string) => Buffer.from(`bot:${password}`).toString("base64");
    const login = (password: string) => ({
      dockerConfigJson: JSON.stringify({ auths: { [registry.pull]: { auth: auth(password) } } }),
    });
    for (const password of ["one", "two"]) {
      const { status } = await control.send("PUT", `/-/orgs/${org}/registry-credentials`, login(password));
      assert.equal(status, 204);
      const secret = await find<Secret>("Secret", org, "faas-registry");
      assert.equal(secret?.type, "kubernetes.io/dockerconfigjson");
      assert.equal(
        Buffer.from(secret?.data?.[".dockerconfigjson"] ?? "", "base64").toString(),
        login(password).dockerConfigJson,
      );
      const account = await find<ServiceAccount>("ServiceAccount", org, "default");
      assert.deepEqual(account?.imagePullSecrets, [{ name: "faas-registry" }]);
    }
    assert.equal((await control.deploy(`${org}/x`, await control.instance.image(hello))).phase, "ready");
    const [pod] = await control.instance.api.list<KubernetesObject & { spec: ServiceAccount }>(
      "Pod",
      `faas-${org}`,
      "",
    );
    assert.deepEqual(pod?.spec.imagePullSecrets, [{ name: "faas-registry" }]);
  });

  test("that was deleted with its registry login is reported in the log, and when a pull fails", async (t) => {
    const org = control.instance.org();
    const registry = await startFakeRegistry(t, {
      answer: (_, response) => Boolean(response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end()),
    });
    const auth = Buffer.from("bot:secret").toString("base64");
    const login = async () => {
      const body = { dockerConfigJson: JSON.stringify({ auths: { [registry.address]: { auth } } }) };
      assert.equal((await control.send("PUT", `/-/orgs/${org}/registry-credentials`, body)).status, 204);
    };
    const pulled = async (tag: string) => {
      const reference = `${registry.address}/acme/private:${tag}`;
      return (await control.deploy(`${org}/x`, { kind: "image", reference })).failure?.detail ?? "";
    };
    const lost = `the registry login of ${org} was deleted with its namespace: run "faas org registry-login ${org}"`;
    const warned = () => control.log.filter(({ msg }) => msg === lost).length;
    await login();
    assert.match(await pulled("1"), /^The image \S+\/private:1 cannot be pulled: /);
    assert.equal(warned(), 0);

    const before = await namespaceOf(org);
    await control.instance.api.delete("Namespace", undefined, `faas-${org}`);
    await eventually("the namespace is recreated, and the lost login is logged", async () => {
      const uid = (await namespaceOf(org))?.metadata?.uid;
      return uid !== undefined && uid !== before?.metadata?.uid && warned() === 1;
    });
    const withoutLogin = await pulled("2");
    assert.match(withoutLogin, /^The image \S+\/private:2 cannot be pulled: /);
    assert.ok(withoutLogin.endsWith(`; ${lost}`), withoutLogin);

    await login();
    const withLogin = await pulled("3");
    assert.match(withLogin, /^The image \S+\/private:3 cannot be pulled: /);
    assert.ok(!withLogin.includes(lost), withLogin);
  });

  test("is deleted with its organization", async () => {
    const org = control.instance.org();
    assert.equal((await control.deploy(`${org}/x`, await control.instance.image(hello))).phase, "ready");
    assert.equal((await control.send("DELETE", `/-/orgs/${org}`)).status, 204);
    await eventually("the namespace is gone", async () => !(await namespaceOf(org)));
    assert.equal((await control.call(`${org}/x`)).status, 404);
  });

  test("is gone soon after the last call, long before the timeout of its endpoints", async () => {
    const org = control.instance.org();
    const slow = await control.instance.image(
      "export const handler = () => new Promise((done) => setTimeout(done, 12_000));",
    );
    assert.equal((await control.deploy(`${org}/x`, slow, { timeout: "300s" })).phase, "ready");
    const call = control.call(`${org}/x`);
    await control.instance.api.delete("Namespace", undefined, `faas-${org}`);
    assert.equal((await call).status, 204);
    assert.equal((await control.send("DELETE", `/-/orgs/${org}`)).status, 204);
    await eventually("the namespace is gone", async () => !(await namespaceOf(org)));
  });
});

test("namespaces still belong to the server after its data folder was moved", async () => {
  await using control = await ClusterServer.start();
  const org = control.instance.org();
  assert.equal((await control.deploy(`${org}/x`, await control.instance.image(hello))).phase, "ready");
  await control.stop();
  const moved = join(control.instance.folder, "moved");
  await rename(control.dataDir, moved);
  control.dataDir = moved;
  await control.start();
  assert.deepEqual(await control.call(`${org}/x`), { status: 200, text: "hello" });
  const changed = await control.deploy(`${org}/x`, await control.instance.image(hello), { env: { MOVED: "yes" } });
  assert.deepEqual([changed.phase, changed.failure], ["ready", undefined]);
});

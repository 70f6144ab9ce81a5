import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { runHere } from "../../../packages/cli/src/testing/test-cli.ts";
import { registry } from "../cluster.ts";

/** `faas doctor` with Docker, a registry and a cluster. */

const env = { ...process.env, FAAS_REGISTRY_PUSH: registry.push, FAAS_REGISTRY_PULL: registry.pull } as Record<
  string,
  string
>;

interface Check {
  readonly name: string;
  readonly status: string;
  readonly found: string;
}

async function checks(...argv: string[]): Promise<Map<string, Check>> {
  const { stdout, stderr } = await runHere({ after: () => {} }, ["doctor", "-o", "json", ...argv], {
    cwd: tmpdir(),
    env,
  });
  assert.notEqual(stdout, "", stderr);
  return new Map((JSON.parse(stdout) as Check[]).map((check) => [check.name, check]));
}

test("doctor checks Docker, the registry, the cluster and its features", async () => {
  const found = await checks();
  for (const name of ["docker", "registry", "cluster", "rights"])
    assert.equal(found.get(name)?.status, "ok", JSON.stringify(found.get(name)));
  for (const name of ["startup boost", "storage", "metrics", "policies"]) assert.ok(found.has(name), name);
});

test("doctor --deep tests a pull by a node and network policies", async () => {
  const found = await checks("--deep");
  assert.equal(found.get("pull")?.status, "ok", JSON.stringify(found.get("pull")));
  assert.match(found.get("policies")?.found ?? "", /\(tested\)$/);
});

test("doctor --deep quotes the container runtime if a node cannot pull", async () => {
  const { checkFromNode, KubernetesApi, KubernetesCredentials } = await import("@faas/installer");
  const credentials = KubernetesCredentials.load();
  try {
    const image = `${registry.pull}/faas/no-such-image:1`;
    const [pull, ...others] = await checkFromNode(new KubernetesApi(credentials), {
      image,
      signal: AbortSignal.timeout(60_000),
    });
    assert.equal(pull?.status, "warning");
    assert.match(pull?.found ?? "", /no-such-image/);
    assert.deepEqual(others, []);
  } finally {
    await credentials.close();
  }
});

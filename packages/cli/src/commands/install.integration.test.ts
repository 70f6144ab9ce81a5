import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { startChild } from "../testing/test-cli.ts";

test("install, upgrade and uninstall report a missing kubeconfig", async (t) => {
  const env = { HOME: tmpdir(), KUBECONFIG: "/nonexistent/kubeconfig", KUBERNETES_SERVICE_HOST: "" };
  for (const argv of [["install"], ["upgrade"], ["uninstall", "--yes"]]) {
    const { code, stderr } = await startChild(t, argv, { cwd: tmpdir(), env }).ended;
    assert.equal(code, 1);
    assert.match(stderr, /kubeconfig.*CLUSTER_CONFIG_INVALID/s);
  }
});

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { runHere, startChild, startHere } from "../testing/test-cli.ts";

const root = tempDir("doctor");

test("doctor prints a line per check, with advice for those that fail", async (t) => {
  const { code, stdout } = await runHere(t, ["doctor", "--server", "http://127.0.0.1:1", "--data", root], {
    cwd: root,
  });
  assert.equal(code, 1);
  assert.match(stdout, /^ok +node +Node \d+/m);
  assert.match(stdout, /^ok +npm +npm \d+/m);
  assert.match(stdout, /^(ok|warning) +python /m);
  assert.match(stdout, /^(ok|warning) +data folder +\S+, [\d.]+ GiB free/m);
  assert.match(stdout, /^missing +server +no server responds at http:\/\/127\.0\.0\.1:1 .*\n +.*faas up/m);
});

test("doctor --output json prints data, and exits 0 when nothing is missing", async (t) => {
  const server = startHere(t, ["up", "--log-level", "silent", "--port", "0", "--data", join(root, "data")], {
    cwd: root,
  });
  const [url] = await server.printed(/^http:\S+(?=\n)/m);
  const { code, stdout } = await runHere(t, ["doctor", "--output", "json"], {
    cwd: root,
    env: { FAAS_SERVER: url, HOME: root },
  });
  const checks = JSON.parse(stdout);
  assert.equal(code, 0, stdout);
  const found = checks.find(({ name }: { name: string }) => name === "server");
  assert.equal(found.status, "ok");
  assert.match(found.found, /version \d+\.\d+\.\d+, platform embedded/);
});

test("doctor warns about a missing Python", async (t) => {
  const env = { FAAS_PYTHON: join(root, "no-python"), HOME: root };
  const { code, stdout, stderr } = await runHere(t, ["doctor"], { cwd: root, env });
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.match(stdout, /^warning +python .*no-python is not installed\n +Install Python 3\.9/m);
});

test("doctor warns about a missing Docker, registry and cluster, and exits 0", async (t) => {
  const env = {
    ...{ HOME: root, DOCKER_HOST: `unix://${root}/no.sock`, DOCKER_CONFIG: root, FAAS_REGISTRY_PUSH: "localhost:1" },
    ...{ KUBECONFIG: join(root, "no-kubeconfig"), KUBERNETES_SERVICE_HOST: "" },
  };
  const { code, stdout } = await startChild(t, ["doctor"], { cwd: root, env }).ended;
  assert.equal(code, 0, stdout);
  assert.match(
    stdout,
    /^warning +docker +no Docker engine \w+ at .*no\.sock.*\n +Only for Dockerfiles and packages that must be compiled/m,
  );
  assert.match(stdout, /^warning +registry +localhost:1 does not respond \(ECONNREFUSED\)\n +Only for/m);
  assert.match(stdout, /^warning +cluster +.*kubeconfig.*\n +Only for servers on Kubernetes/m);
  assert.doesNotMatch(stdout, /rights/);
});

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runHere, startChild, startHere } from "../testing/test-cli.ts";

const root = await mkdtemp(join(tmpdir(), "faas-doctor-"));
after(() => rm(root, { recursive: true, force: true }));

test("doctor has a line for each thing, and what to do about those that are not well", async (t) => {
  const { code, stdout } = await runHere(t, ["doctor", "--server", "http://127.0.0.1:1", "--data", root], {
    cwd: root,
  });
  assert.equal(code, 1);
  assert.match(stdout, /^ok +node +Node \d+/m);
  assert.match(stdout, /^ok +npm +npm \d+/m);
  assert.match(stdout, /^(ok|warning) +python /m);
  assert.match(stdout, /^(ok|warning) +data folder +\S+, [\d.]+ GiB free/m);
  assert.match(stdout, /^missing +server +none answers at http:\/\/127\.0\.0\.1:1 .*\n +.*faas up/m);
});

test("doctor --output json is data, and 0 when nothing is missing", async (t) => {
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

test("doctor tells of a missing Python, which only some need", async (t) => {
  const env = { FAAS_PYTHON: join(root, "no-python"), HOME: root };
  const { code, stdout, stderr } = await runHere(t, ["doctor"], { cwd: root, env });
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.match(stdout, /^warning +python .*no-python is not installed\n +Install Python 3\.9/m);
});

test("without Docker, registry and cluster doctor says what they are for, and is content", async (t) => {
  const env = {
    ...{ HOME: root, DOCKER_HOST: `unix://${root}/no.sock`, DOCKER_CONFIG: root, FAAS_REGISTRY_PUSH: "localhost:1" },
    ...{ KUBECONFIG: join(root, "no-kubeconfig"), KUBERNETES_SERVICE_HOST: "" },
  };
  const { code, stdout } = await startChild(t, ["doctor"], { cwd: root, env }).ended;
  assert.equal(code, 0, stdout);
  assert.match(
    stdout,
    /^warning +docker +no Docker engine responds at .*no\.sock.*\n +Only for servers that run images/m,
  );
  assert.match(stdout, /^warning +registry +localhost:1 does not answer \(ECONNREFUSED\)\n +Only for/m);
  assert.match(stdout, /^warning +cluster +.*kubeconfig.*\n +Only for servers on Kubernetes/m);
  assert.doesNotMatch(stdout, /rights/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startFaas } from "@faas/testing";
import { LIMIT_MS } from "../cluster.ts";
import { ClusterServer } from "../cluster-server.ts";
import { eventually } from "../eventually.ts";

const CLIENTS = 2;

test("faas rollback brings back the previous revision without a build, and no call fails meanwhile", async () => {
  await using server = await ClusterServer.start();
  const key = `${server.org()}/back`;
  const settings = { replicas: 1, maxReplicas: 2 };
  const first = await server.serve(key, 'export const handler = () => "one";\n', settings);
  const second = await server.serve(key, 'export const handler = () => "two";\n', settings);
  const [oldImage, newImage] = [first.image, second.image];
  /** Runs a command without a Docker engine. */
  const run = async (...args: readonly string[]) => {
    const env = { FAAS_SERVER: server.url, DOCKER_HOST: "tcp://127.0.0.1:1" };
    const options = { cwd: server.instance.folder, env, timeoutMs: LIMIT_MS };
    const { code, stdout, stderr } = await startFaas(args, options).ended;
    assert.equal(code, 0, stderr);
    return { stdout, stderr };
  };

  const { stdout: differences } = await run("diff", key);
  assert.match(differences, new RegExp(`^image ${oldImage} -> ${newImage}, [1-9]\\d* layers are the same$`, "m"));
  assert.match(differences, /^layer sha256:[0-9a-f]{64} added$/m);

  const texts: Record<string, number> = {};
  const failures: string[] = [];
  const ended = new AbortController();
  const load = Array.from({ length: CLIENTS }, async () => {
    while (!ended.signal.aborted) {
      const { status, text } = await server.call(key).catch((error) => ({ status: 0, text: String(error) }));
      if (status === 200) texts[text] = (texts[text] ?? 0) + 1;
      else failures.push(`${status} ${text}`);
      // Limits the load on the machine.
      await delay(20);
    }
  });
  try {
    await eventually("responses of the second revision", () => (texts.two ?? 0) > 20);
    const { stderr } = await run("rollback", key);
    assert.match(stderr, new RegExp(`^Revision ${first.revision} serves ${key} again`, "m"));
    const before = texts.one ?? 0;
    await eventually("responses of the first revision", () => (texts.one ?? 0) > before + 20);
    await eventually("the replicas of the second one are gone", async () => (await server.pods(key)).length === 1);
  } finally {
    ended.abort();
    await Promise.all(load);
  }
  assert.deepEqual(failures, []);
  const view = await server.view(key);
  assert.deepEqual([view.revision, view.image], [first.revision, oldImage]);
  const [pod] = await server.pods(key);
  assert.equal(pod?.spec?.containers[0]?.image, oldImage);
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { queryObjects } from "node:v8";
import type { EndpointStatus, LogLine, SettingsInput } from "@faas/core";
import { EmbeddedPlatform } from "@faas/platforms";
import { ReplicaProcess } from "../../packages/platforms/src/embedded/replica-process.ts";
import { alive, apply, type EmbeddedUnderTest, logsOf, setUp, specOf, until, wrapper } from "./embedded-under-test.ts";

test("a function that ends its own process again and again fails with the exit code", async () => {
  await using under = await setUp();
  const { failure } = await failureOf(under, "process.exit(3);");
  assert.equal(failure?.code, "REPLICA_EXITED");
  assert.match(failure?.detail ?? "", /exit code 3 before it was ready/);
});

test("a function that never stops loading is ended", async () => {
  await using under = await setUp({ startTimeoutMs: 300 });
  const { failure } = await failureOf(under, "await new Promise((done) => setTimeout(done, 60_000));");
  assert.equal(failure?.code, "START_TIMEOUT");
});

test("a function that allocates without end is ended at its memory limit", async () => {
  await using under = await setUp();
  const source =
    "const all = []; for (;;) { all.push(Buffer.alloc(2 ** 20, 1)); if (all.length % 8 === 0) await new Promise((done) => setTimeout(done, 1)); }";
  const { failure } = await failureOf(under, source, { memory: "128Mi" });
  assert.equal(failure?.code, "OUT_OF_MEMORY");
  assert.match(failure?.detail ?? "", /128Mi/);
});

test("a Python function without Python says what to install", async () => {
  await using under = await setUp({ python: "no-such-python" });
  const { failure } = await failureOf(under, "", { runtime: "python" });
  assert.equal(failure?.code, "RUNTIME_MISSING");
  assert.match(failure?.detail ?? "", /install Python 3\.9/);
});

test("100 MB of output fill neither the disk nor hide its end", async () => {
  await using under = await setUp();
  const source = `const line = "x".repeat(999) + "\\n"; for (let i = 0; i < 100_000; i++) process.stdout.write(line); process.stdout.write("the end\\n"); export const handler = () => 1;`;
  const spec = await apply(under, source);
  await under.platform.scale(spec, 1);
  await until(under, ({ replicas }) => replicas[0]?.ready === true);
  const folder = join(under.dataDir, "logs", under.org, "x");
  let last: LogLine | undefined;
  for await (const line of under.logs.open(spec).read({ follow: true, signal: AbortSignal.timeout(30_000) })) {
    last = line;
    if (line.line === "the end") break;
  }
  assert.equal(last?.line, "the end");
  let bytes = 0;
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
  assert.ok(bytes < 16 * 2 ** 20, `${bytes} bytes of logs`);
});

test("a replica does not see the server's own environment, and its own variables do arrive", async () => {
  process.env.FAAS_TEST_SECRET = "secret";
  await using under = await setUp();
  const spec = await apply(under, "console.log(JSON.stringify(process.env)); export const handler = () => 1;", {
    env: { MINE: "yes" },
  });
  await under.platform.scale(spec, 1);
  await until(under, ({ replicas }) => replicas[0]?.ready === true);
  const [line] = await logsOf(under, spec);
  const env = JSON.parse(line ?? "{}");
  assert.deepEqual([env.MINE, env.FAAS_ORG, env.FAAS_TEST_SECRET], ["yes", under.org, undefined]);
});

for (const [what, spoil] of [
  ["", async () => {}],
  [", also one that is on no record yet", (record: string) => rm(record)],
  [", also one whose record was written half", (record: string) => truncate(record, 5)],
] as const) {
  test(`replicas of a server that was killed are ended by the next one on the same data folder${what}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "faas-orphans-"));
    try {
      const script = `
      import { EmbeddedPlatform } from "@faas/platforms";
      const platform = new EmbeddedPlatform({ dataDir: ${JSON.stringify(folder)}, bundleFolder: async () => ${JSON.stringify(folder)} });
      const spec = ${JSON.stringify(specOf("acme", "x", { kind: "bundle", digest: `sha256:${"a".repeat(64)}` }))};
      await platform.apply({ ...spec, idleTimeoutMs: 1e9 });
      await platform.scale(spec, 1);
      for await (const [status] of platform.watch(new AbortController().signal)) if (status?.replicas[0]?.ready) break;
      process.stdout.write("ready\\n");
      setInterval(() => {}, 1000);
    `;
      await writeFile(join(folder, "index.mjs"), "export const handler = () => process.pid;");
      await cp(wrapper, join(folder, ".interface.mjs"));
      const file = join(import.meta.dirname, `.orphans-${process.pid}.mts`);
      await writeFile(file, script);
      const child = spawn(process.execPath, ["--conditions=faas-source", "--import", "tsx", file], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      child.kill("SIGKILL");
      await once(child, "exit");
      await rm(file);
      const [record] = await readdir(join(folder, "run"));
      const path = join(folder, "run", record as string);
      const { pid } = JSON.parse(await readFile(path, "utf8"));
      assert.ok(alive(pid));
      await spoil(path);
      await using _platform = new EmbeddedPlatform({ dataDir: folder, bundleFolder: async () => folder });
      const deadline = Date.now() + 10_000;
      while (alive(pid) && Date.now() < deadline) await delay(10);
      assert.ok(!alive(pid));
      assert.deepEqual(await readdir(join(folder, "run")), []);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

test("a bundle whose runtime is a Dockerfile is refused before it is registered", async () => {
  await using under = await setUp();
  const spec = specOf(under.org, "x", await under.artifact(""), { runtime: "dockerfile" });
  await assert.rejects(under.platform.check(spec), { code: "ARTIFACT_UNSUPPORTED" });
});

async function failureOf(
  under: EmbeddedUnderTest,
  source: string,
  settings: SettingsInput = {},
): Promise<EndpointStatus> {
  const spec = await apply(under, source, settings);
  await under.platform.scale(spec, 1);
  return until(under, ({ failure }) => failure !== undefined);
}

test("replicas that have ended are not kept in memory: one deployment after the other", async () => {
  await using under = await setUp();
  for (let version = 1; version <= 6; version++) {
    const { revision } = await apply(under, `export const handler = () => ${version};`, { replicas: 1 });
    await under.platform.scale({ org: under.org, endpoint: "x" }, 1);
    await until(
      under,
      ({ replicas }) => replicas.length === 1 && replicas.every((each) => each.ready && each.revision === revision),
    );
  }
  // The one that serves, and what the last rollout is about to let go.
  const deadline = Date.now() + 20_000;
  while (queryObjects(ReplicaProcess, { format: "count" }) > 2 && Date.now() < deadline) await delay(100);
  assert.ok(queryObjects(ReplicaProcess, { format: "count" }) <= 2);
});

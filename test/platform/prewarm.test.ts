import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type EndpointSpec, type Language, languages, type SettingsInput } from "@faas/core";
import {
  alive,
  apply,
  type EmbeddedUnderTest,
  logsOf,
  prewarmed,
  python,
  setUp,
  specOf,
  until,
} from "./embedded-under-test.ts";

const NODE = `
import { getHeapStatistics } from "node:v8";
console.log(JSON.stringify({
  env: process.env, cwd: process.cwd(), argv: process.argv.slice(1), options: process.execArgv,
  heap: getHeapStatistics().heap_size_limit, stack: Error.stackTraceLimit,
}));
export const handler = () => 1;
`;
const PYTHON = `
import json, os, sys
print(json.dumps({"env": dict(os.environ), "cwd": os.getcwd(), "argv": sys.argv, "path": sys.path, "main": sys.modules["__main__"].__name__}))
def handler(event, context): return 1
`;

const SOURCES: Readonly<Record<Language, string>> = { node: NODE, typescript: NODE, python: PYTHON };
/** Settings that a runtime reads when it starts, with what shows that it did. */
const READ_AT_START: Readonly<Record<Language, readonly [env: Record<string, string>, shown: RegExp]>> = {
  node: [{ NODE_OPTIONS: "--stack-trace-limit=3" }, /"stack":3\b/],
  typescript: [{ NODE_OPTIONS: "--stack-trace-limit=3" }, /"stack":3\b/],
  python: [{ PYTHONPATH: "/of-the-test" }, /"path": ?\[[^\]]*"\/of-the-test"/],
};

for (const runtime of languages) {
  const source = SOURCES[runtime];
  test(`a ${runtime} function gets a process that has started already, and finds there what it finds in one of its own`, async () => {
    await using own = await setUp({ python });
    await using pooled = await setUp({ python, poolSize: 1 });
    const settings = { runtime, memory: "128Mi", env: { MINE: "yes" } };
    await run(own, source, settings);
    const spec = await apply(pooled, source, settings);
    const [blank] = await blanks(1);
    await pooled.platform.scale(spec, 1);
    assert.equal(await pidOfReplica(pooled), blank);
    assert.deepEqual(await reported(pooled), await reported(own));
    // Each is used once: the next one is another.
    const [next] = await blanks(1);
    assert.notEqual(next, blank);
  });
}

test("secrets reach a function in a process that waited; those that Node reads when it starts take one of their own", async () => {
  await using under = await setUp({ poolSize: 1 });
  const secret = { name: "mine", version: "" };
  await under.platform.putSecret(under.org, secret, "--stack-trace-limit=3");
  const first = await apply(under, NODE, { secrets: { MINE: "mine" } });
  const [blank] = await blanks(1);
  await under.platform.scale(first, 1);
  assert.equal(await pidOfReplica(under), blank);
  assert.equal(((await reported(under)).env as NodeJS.ProcessEnv).MINE, "--stack-trace-limit=3");
  await under.platform.scale(first, 0);
  await until(under, ({ replicas }) => replicas.length === 0);
  const [next] = await blanks(1);
  const second = await apply(under, NODE, { secrets: { NODE_OPTIONS: "mine" } });
  await under.platform.scale(second, 1);
  assert.notEqual(await pidOfReplica(under), next);
});

for (const runtime of languages) {
  test(`a ${runtime} function with settings that its runtime reads when it starts gets a process of its own`, async () => {
    await using under = await setUp({ python, poolSize: 1 });
    const [env, shown] = READ_AT_START[runtime];
    const spec = await apply(under, SOURCES[runtime], { runtime, env });
    const [blank] = await blanks(1);
    await under.platform.scale(spec, 1);
    assert.notEqual(await pidOfReplica(under), blank);
    assert.match((await logsOf(under, spec)).join("\n"), shown);
  });

  test(`more replicas of a ${runtime} function than there are blank processes all start`, async () => {
    await using under = await setUp({ python, poolSize: 1 });
    const spec = await apply(under, SOURCES[runtime], { runtime });
    await blanks(1);
    await under.platform.scale(spec, 3);
    await until(under, ({ replicas }) => replicas.filter(({ ready }) => ready).length === 3);
  });
}

test("functions in JavaScript and in TypeScript share the processes that wait", async () => {
  await using under = await setUp({ poolSize: 1 });
  const first = await apply(under, NODE, { runtime: "node" });
  const [blank] = await blanks(1);
  const second = await apply(under, NODE, { runtime: "typescript" });
  assert.notEqual(second.revision, first.revision);
  await under.platform.scale(second, 1);
  assert.equal(await pidOfReplica(under), blank);
});

test("a blank process that was killed is not used", async () => {
  await using under = await setUp({ poolSize: 1 });
  const spec = await apply(under, NODE, {});
  const [blank] = await blanks(1);
  process.kill(blank as number, "SIGKILL");
  await blanks(0);
  await under.platform.scale(spec, 1);
  assert.notEqual(await pidOfReplica(under), blank);
});

test("a prewarmed process whose launcher still runs is not used", {
  skip: canSandbox ? false : "no Landlock here",
}, async (t) => {
  const folder = tempDir("perl");
  const gate = join(folder, "gate");
  // Holds up the launcher of prewarmed processes alone.
  const perl = `#!/bin/sh
case "$*" in *prewarmed.mjs*) while [ ! -e ${gate} ]; do sleep 0.02; done ;; esac
exec ${execFileSync("which", ["perl"], { encoding: "utf8" }).trim()} "$@"
`;
  await writeFile(join(folder, "perl"), perl, { mode: 0o755 });
  const { PATH } = process.env;
  process.env.PATH = `${folder}:${PATH}`;
  t.after(() => {
    process.env.PATH = PATH;
  });
  await using under = await setUp({ poolSize: 1, isolation: "required" });
  const spec = await apply(under, NODE, {});
  const launching = () =>
    childrenOf(process.pid).find((pid) =>
      /launcher\.pl.*prewarmed\.mjs/s.test(readFileSync(`/proc/${pid}/cmdline`, "latin1")),
    );
  const pid = await eventually("the launcher runs", launching);
  await under.platform.scale(spec, 1);
  const used = await pidOfReplica(under);
  await writeFile(gate, "");
  assert.notEqual(used, pid);
});

test("blank processes end with the last endpoint that could use them", async () => {
  await using under = await setUp({ poolSize: 1 });
  const spec = await apply(under, NODE, {});
  await blanks(1);
  await under.platform.remove(spec);
  await blanks(0);
});

test("blank processes end with their server, one that was killed included", async () => {
  const folder = await mkdtemp(join(tmpdir(), "faas-blank-"));
  const file = join(import.meta.dirname, `.blank-${process.pid}.mts`);
  try {
    const spec = specOf("acme", "x", { kind: "bundle", digest: `sha256:${"a".repeat(64)}` });
    await writeFile(
      file,
      `import { EmbeddedPlatform } from "@faas/platforms";
      const platform = new EmbeddedPlatform({ dataDir: ${JSON.stringify(folder)}, bundleFolder: async () => "", poolSize: 1 });
      await platform.apply({ ...${JSON.stringify(spec)}, idleTimeoutMs: 1e9 });
      setInterval(() => {}, 1000);`,
    );
    const server = spawn(process.execPath, ["--conditions=faas-source", "--import", "tsx", file], { stdio: "ignore" });
    const [blank] = await blanks(1, server.pid);
    server.kill("SIGKILL");
    await once(server, "exit");
    const deadline = Date.now() + 10_000;
    while (alive(blank as number) && Date.now() < deadline) await delay(10);
    assert.ok(!alive(blank as number));
  } finally {
    await rm(file, { force: true });
    await rm(folder, { recursive: true, force: true });
  }
});

async function run(under: EmbeddedUnderTest, source: string, settings: SettingsInput): Promise<EndpointSpec> {
  const spec = await apply(under, source, settings);
  await under.platform.scale(spec, 1);
  await until(under, ({ replicas }) => replicas[0]?.ready === true);
  return spec;
}

async function pidOfReplica(under: EmbeddedUnderTest): Promise<number> {
  const { replicas } = await until(under, ({ replicas: [first] }) => first?.ready === true);
  return JSON.parse(await readFile(join(under.dataDir, "run", `${replicas[0]?.id}.json`), "utf8")).pid;
}

/** What the function printed when it was loaded, without what is every replica's own. */
async function reported(under: EmbeddedUnderTest): Promise<Record<string, unknown>> {
  const { replicas } = await until(under, () => true);
  const [line = ""] = await logsOf(under, specOf(under.org, "x", { kind: "bundle", digest: "" }));
  const { id, address } = replicas[0] as (typeof replicas)[number];
  const runFolder = address.slice("unix:".length, address.lastIndexOf("/"));
  const text = line.replaceAll(id, "REPLICA").replaceAll(runFolder, "RUN").replaceAll(under.dataDir, "DATA");
  return JSON.parse(
    text
      .replaceAll(/RUN\/(?:REPLICA|blank-[0-9a-f]+)/g, "ROOM")
      .replaceAll(/DATA\/(?:live\/[^/"]+\/code|bundles\/[0-9a-f]+)/g, "CODE")
      .replaceAll(/DATA\/(?:live\/[^/"]+\/w\/cache|cache\/[^/"]+)/g, "CACHE"),
  );
}

/** The processes that wait, children of this one, as soon as there are so many (proc(5)). */
async function blanks(count: number, parent = process.pid): Promise<number[]> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const found = prewarmed(parent).waiting;
    if (found.length === count) return found;
    if (Date.now() > deadline) throw new Error(`expected ${count} blank processes within 20 s, got ${found.length}`);
    await delay(10);
  }
}

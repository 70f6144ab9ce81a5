import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type Language, languages, WRAPPER_FILES } from "@faas/core";
import { eventually, tempDir } from "@faas/testing";
import {
  apply,
  bundlePath,
  type EmbeddedUnderTest,
  logsOf,
  noReplicas,
  noSandbox,
  pidOf,
  ready,
  run,
  specOf,
  startPlatform,
  until,
} from "./embedded-under-test.ts";
import { prewarmedProcesses, untilWaiting } from "./prewarmed-processes.ts";

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
/** Settings that a runtime reads when it starts, with output that shows their effect. */
const READ_AT_START: Readonly<Record<Language, readonly [env: Record<string, string>, shown: RegExp]>> = {
  node: [{ NODE_OPTIONS: "--stack-trace-limit=3" }, /"stack":3\b/],
  typescript: [{ NODE_OPTIONS: "--stack-trace-limit=3" }, /"stack":3\b/],
  python: [{ PYTHONPATH: "/of-the-test" }, /"path": ?\[[^\]]*"\/of-the-test"/],
};

describe("the pool of prewarmed processes", { concurrency: 3 }, () => {
  for (const runtime of languages) {
    const source = SOURCES[runtime];

    test(`gives a ${runtime} function a process that does not differ from an ordinary one`, async () => {
      await using ordinary = await startPlatform();
      await using pooled = await startPlatform({ poolSize: 1 });
      const settings = { runtime, memory: "128Mi", env: { MINE: "yes" } };
      await run(ordinary, source, settings);
      const spec = await apply(pooled, source, settings);
      const [prewarmed] = await untilWaiting(1, pooled.dataDir);
      await pooled.platform.scale(spec, 1);
      assert.equal(await readyPid(pooled), prewarmed);
      assert.deepEqual(await printed(pooled), await printed(ordinary));
      // Each is used once.
      const [next] = await untilWaiting(1, pooled.dataDir);
      assert.notEqual(next, prewarmed);
    });

    test(`runs a ${runtime} function whose wrapper is that of another release`, async () => {
      await using under = await startPlatform({ poolSize: 1 });
      const first = await apply(under, source, { runtime });
      await untilWaiting(1, under.dataDir);
      const other = await apply(under, `${source}\n`, { runtime });
      const bundle = bundlePath(under.dataDir, other.artifact.kind === "bundle" ? other.artifact.digest : "");
      const wrapper = join(bundle, WRAPPER_FILES[runtime]);
      const print = runtime === "python" ? 'print("another")' : 'console.log("another");';
      await writeFile(wrapper, `${print}\n${await readFile(wrapper, "utf8")}`);
      const [prewarmed] = await untilWaiting(1, under.dataDir);
      assert.notEqual(other.revision, first.revision);
      await under.platform.scale(other, 1);
      assert.equal(await readyPid(under), prewarmed);
      assert.equal((await logsOf(under, other))[0], "another");
    });

    test(`is not used for a ${runtime} function with settings that its runtime reads when it starts`, async () => {
      await using under = await startPlatform({ poolSize: 1 });
      const [env, shown] = READ_AT_START[runtime];
      const spec = await apply(under, source, { runtime, env });
      const [prewarmed] = await untilWaiting(1, under.dataDir);
      await under.platform.scale(spec, 1);
      assert.notEqual(await readyPid(under), prewarmed);
      assert.match((await logsOf(under, spec)).join("\n"), shown);
    });

    test(`may be smaller than the number of ${runtime} replicas that start`, async () => {
      await using under = await startPlatform({ poolSize: 1 });
      const spec = await apply(under, source, { runtime });
      await untilWaiting(1, under.dataDir);
      await under.platform.scale(spec, 3);
      await until(under, ({ replicas }) => replicas.filter((replica) => replica.ready).length === 3);
    });
  }

  test("passes secrets, except to a runtime that reads them when it starts", async () => {
    await using under = await startPlatform({ poolSize: 1 });
    const secret = { name: "mine", version: "" };
    await under.platform.putSecret(under.org, secret, "--stack-trace-limit=3");
    const first = await apply(under, NODE, { secrets: { MINE: "mine" } });
    const [prewarmed] = await untilWaiting(1, under.dataDir);
    await under.platform.scale(first, 1);
    assert.equal(await readyPid(under), prewarmed);
    assert.equal(((await printed(under)).env as NodeJS.ProcessEnv).MINE, "--stack-trace-limit=3");
    await under.platform.scale(first, 0);
    await noReplicas(under);
    const [next] = await untilWaiting(1, under.dataDir);
    const second = await apply(under, NODE, { secrets: { NODE_OPTIONS: "mine" } });
    await under.platform.scale(second, 1);
    assert.notEqual(await readyPid(under), next);
  });

  test("is shared by functions in JavaScript and TypeScript", async () => {
    await using under = await startPlatform({ poolSize: 1 });
    const first = await apply(under, NODE, { runtime: "node" });
    const [prewarmed] = await untilWaiting(1, under.dataDir);
    const second = await apply(under, NODE, { runtime: "typescript" });
    assert.notEqual(second.revision, first.revision);
    await under.platform.scale(second, 1);
    assert.equal(await readyPid(under), prewarmed);
  });

  test("does not hand out a killed process", async () => {
    await using under = await startPlatform({ poolSize: 1 });
    const spec = await apply(under, NODE);
    const [prewarmed] = await untilWaiting(1, under.dataDir);
    process.kill(prewarmed as number, "SIGKILL");
    await under.platform.scale(spec, 1);
    assert.notEqual(await readyPid(under), prewarmed);
  });

  test("ends its processes with the last endpoint that could use them", async () => {
    await using under = await startPlatform({ poolSize: 1 });
    const spec = await apply(under, NODE);
    await untilWaiting(1, under.dataDir);
    await under.platform.remove(spec);
    await untilWaiting(0, under.dataDir);
  });
});

// Changes PATH, so not concurrently with the others.
test("the pool does not hand out a process whose launcher still runs", { skip: noSandbox }, async (t) => {
  const folder = tempDir("perl");
  const gate = join(folder, "gate");
  const perl = execFileSync("which", ["perl"], { encoding: "utf8" }).trim();
  // Holds up the launcher of prewarmed processes, of no others.
  const script = `#!/bin/sh
case "$*" in *prewarmed.mjs*) while [ ! -e ${gate} ]; do sleep 0.02; done ;; esac
exec ${perl} "$@"
`;
  await writeFile(join(folder, "perl"), script, { mode: 0o755 });
  const { PATH } = process.env;
  process.env.PATH = `${folder}:${PATH}`;
  t.after(() => {
    process.env.PATH = PATH;
  });
  await using under = await startPlatform({ poolSize: 1, isolation: "required" });
  const spec = await apply(under, NODE);
  const [launching] = await eventually("a launcher runs", () => {
    const found = prewarmedProcesses(under.dataDir, "launching");
    return found.length > 0 && found;
  });
  await under.platform.scale(spec, 1);
  const used = await readyPid(under);
  await writeFile(gate, "");
  assert.notEqual(used, launching);
});

async function readyPid(under: EmbeddedUnderTest): Promise<number> {
  return pidOf(under, (await ready(under)).id);
}

/** Returns what the function printed while it loaded, with placeholders for what differs between replicas. */
async function printed(under: EmbeddedUnderTest): Promise<Record<string, unknown>> {
  const { id, socketPath } = await ready(under);
  const [line = ""] = await logsOf(under, specOf(under.org, "x", { kind: "bundle", digest: "" }));
  const runFolder = socketPath.slice(0, socketPath.lastIndexOf("/"));
  const text = line.replaceAll(id, "REPLICA").replaceAll(runFolder, "RUN").replaceAll(under.dataDir, "DATA");
  return JSON.parse(
    text
      .replaceAll(/RUN\/(?:REPLICA|prewarmed-[0-9a-f]+)/g, "FOLDER")
      .replaceAll(/DATA\/(?:live\/[^/"]+\/code|bundles\/[0-9a-f]+)/g, "CODE")
      .replaceAll(/DATA\/(?:slots\/[^/"]+\/w\/cache|cache\/[^/"]+)/g, "CACHE"),
  );
}

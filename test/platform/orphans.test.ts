import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync } from "node:fs";
import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { EmbeddedPlatform } from "@faas/platforms";
import { eventually, tempDir } from "@faas/testing";
import { isRunning, nodeWrapper, specOf } from "./embedded-under-test.ts";
import { prewarmedProcesses } from "./prewarmed-processes.ts";

const ENDPOINTS = ["recorded", "unrecorded", "half-recorded"] as const;

/** A server that runs a replica per endpoint and has a pool, and is killed when all of them run. */
const server = (folder: string) => `
  import { EmbeddedPlatform } from "@faas/platforms";
  const platform = new EmbeddedPlatform({ dataDir: ${JSON.stringify(folder)}, bundleFolder: async () => ${JSON.stringify(folder)}, poolSize: 1 });
  const specs = ${JSON.stringify(ENDPOINTS.map((name) => specOf("acme", name, { kind: "bundle", digest: `sha256:${"a".repeat(64)}` })))};
  for (const spec of specs) {
    await platform.apply(spec);
    await platform.scale(spec, 1);
  }
  for await (const statuses of platform.watch(new AbortController().signal))
    if (statuses.length === specs.length && statuses.every(({ replicas }) => replicas[0]?.ready)) break;
  process.stdout.write("ready\\n");
  setInterval(() => {}, 1000);
`;

describe("processes of a killed server", () => {
  const folder = tempDir("orphans");
  const pids = new Map<string, number>();
  let prewarmed: number[];

  before(async () => {
    await writeFile(join(folder, "index.mjs"), "export const handler = () => process.pid;");
    cpSync(nodeWrapper, join(folder, ".interface.mjs"));
    const file = join(import.meta.dirname, `.orphans-${process.pid}.mts`);
    await writeFile(file, server(folder));
    const child = spawn(process.execPath, ["--conditions=faas-source", "--import", "tsx", file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit");
    try {
      await once(child.stdout, "data");
      prewarmed = await eventually("a prewarmed process", () => {
        const waiting = prewarmedProcesses(folder, "waiting");
        return waiting.length > 0 && waiting;
      });
    } finally {
      child.kill("SIGKILL");
      await rm(file);
    }
    await ended;
    for (const record of await readdir(join(folder, "run"))) {
      const path = join(folder, "run", record);
      const endpoint = record.slice(0, record.lastIndexOf("-"));
      pids.set(endpoint, JSON.parse(await readFile(path, "utf8")).pid);
      if (endpoint === "unrecorded") await rm(path);
      if (endpoint === "half-recorded") await truncate(path, 5);
    }
    assert.deepEqual([...pids.keys()].sort(), [...ENDPOINTS].sort());
    for (const pid of pids.values()) assert.ok(isRunning(pid));
  });

  test("end by themselves if they wait for a function", async () => {
    for (const pid of prewarmed) await eventually("the process has ended", () => !isRunning(pid));
  });

  describe("after the start of the next server", () => {
    let next: EmbeddedPlatform;
    before(() => {
      next = new EmbeddedPlatform({ dataDir: folder, bundleFolder: async () => folder });
    });
    after(() => next[Symbol.asyncDispose]());

    for (const [endpoint, description] of [
      ["recorded", "recorded replica"],
      ["unrecorded", "replica without a record"],
      ["half-recorded", "replica whose record is incomplete"],
    ] as const)
      test(`include no ${description}`, async () => {
        await eventually("the replica has ended", () => !isRunning(pids.get(endpoint) as number));
      });

    test("have no records", async () => {
      assert.deepEqual(await readdir(join(folder, "run")), []);
    });
  });
});

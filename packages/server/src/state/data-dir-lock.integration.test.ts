import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { tempDir } from "@faas/testing";
import { DataDirLock } from "./data-dir-lock.ts";

const elsewhere = { pid: 1, processStartedAt: "1", host: "elsewhere", url: "http://elsewhere:8887" };

test("one of several servers that find a dead lock gets it", async () => {
  const dataDir = tempDir("lock");
  await writeFile(join(dataDir, "lock.json"), JSON.stringify(elsewhere));
  const all = await Promise.allSettled(Array.from({ length: 8 }, () => DataDirLock.acquire(dataDir)));
  const held = all.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  assert.equal(held.length, 1);
  await held[0]?.verify();
  await held[0]?.release();
});

/** Starts a process that holds a server's lock and store, under the name of another host. */
async function holder(t: TestContext, dataDir: string, host: string) {
  const program = join(import.meta.dirname, "../testing/lock-holder.ts");
  const preload = `data:text/javascript,import os from "node:os";import{syncBuiltinESMExports}from"node:module";os.hostname=()=>"${host}";syncBuiltinESMExports();`;
  const child: ChildProcess = spawn(
    process.execPath,
    ["--conditions=faas-source", "--import", "tsx", "--import", preload, program, dataDir, join(dataDir, "log")],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const ended = once(child, "exit");
  t.after(async () => {
    child.kill("SIGCONT");
    child.kill("SIGKILL");
    await ended;
  });
  let printed = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    printed += text;
  });
  const prints = async (pattern: RegExp) => {
    const limit = AbortSignal.timeout(60_000);
    for (;;) {
      const found = pattern.exec(printed);
      if (found) return found[0];
      await once(child.stdout as NodeJS.EventEmitter, "data", { signal: limit }).catch((cause) => {
        throw new Error(`${host}: expected ${pattern}, got ${JSON.stringify(printed)}`, { cause });
      });
    }
  };
  return { child, prints, write: (org: string) => child.stdin?.write(`${org}\n`) };
}

test("a server takes over from a killed one on another host, with every acknowledged change", async (t) => {
  const dataDir = tempDir("lock");
  const one = await holder(t, dataDir, "pod-1");
  await one.prints(/held/);
  one.write("first");
  await one.prints(/wrote first/);
  one.child.kill("SIGKILL");
  const two = await holder(t, dataDir, "pod-2");
  await two.prints(/held/);
  two.write("second");
  assert.equal(await two.prints(/wrote second.*/), "wrote second into first,second");
});

test("a suspended server that another one has replaced overwrites nothing, and learns that its lock is lost", async (t) => {
  const dataDir = tempDir("lock");
  const one = await holder(t, dataDir, "pod-1");
  await one.prints(/held/);
  one.write("first");
  await one.prints(/wrote first/);
  one.child.kill("SIGSTOP");
  const two = await holder(t, dataDir, "pod-2");
  await two.prints(/held/);
  two.write("second");
  await two.prints(/wrote second/);
  one.write("late");
  one.child.kill("SIGCONT");
  await one.prints(/refused late STATE_LOCKED/);
  await one.prints(/lost STATE_LOCKED/);
  two.write("third");
  assert.equal(await two.prints(/wrote third.*/), "wrote third into first,second,third");
});

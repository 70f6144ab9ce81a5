import assert from "node:assert/strict";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { type Language, languages } from "@faas/core";
import { eventually } from "@faas/testing";
import { memoryRlimit } from "../../packages/platforms/src/embedded/sandbox/memory-rlimit.ts";
import {
  apply,
  type EmbeddedUnderTest,
  logsOf,
  noReplicas,
  noSandbox,
  ready,
  startPlatform,
} from "./embedded-under-test.ts";
import { untilWaiting } from "./prewarmed-processes.ts";

// The kernel's limit on what a function may map. The platform's own check of resident memory does not see what is mapped and not used.

const NODE = `
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
const startThread = () => new Promise((done, fail) => new Worker("require('worker_threads').parentPort.postMessage(1); setInterval(() => {}, 1e6)", { eval: true }).on("message", done).on("error", fail));
const allocate = (...sizes) => { const all = []; let name; for (const size of sizes) try { for (;;) all.push(Buffer.allocUnsafe(size)); } catch (error) { name = error.name; } return [all, name]; };
const acts = {
  limits: () => [readFileSync("/proc/self/limits", "utf8"), readFileSync("/proc/self/oom_score_adj", "utf8")],
  child: () => execFileSync("sh", ["-c", "ulimit -d; cat /proc/self/oom_score_adj"]).toString().trim().split("\\n"),
  // Large buffers leave enough memory to respond.
  allocate: () => { const [all, name] = allocate(2 ** 29); return [all.length * 2 ** 29, name]; },
  usual: async () => {
    for (let i = 0; i < 8; i++) await startThread();
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 });
    memory.grow(256);
    const large = Buffer.alloc(2 ** 25, 1);
    return [memory.buffer.byteLength, large.length];
  },
  fatal: () => { const all = allocate(2 ** 29, 2 ** 24); for (;;) all.push(new Array(1e5).fill(0.5)); },
};
export const handler = ({ path }) => acts[path.slice(1)]();
`;
const PYTHON = `
import subprocess, threading
def allocate():
    buffers = []
    try:
        while True: buffers.append(bytes(2 ** 26))
    except MemoryError: return [len(buffers) * 2 ** 26, "MemoryError"]
def usual():
    gate = threading.Event()
    threads = [threading.Thread(target=gate.wait) for _ in range(64)]
    for each in threads: each.start()
    large = bytearray(b"x") * 2 ** 25
    gate.set()
    for each in threads: each.join()
    return [len(threads), len(large)]
def handler(event, context):
    act = event.path[1:]
    if act == "limits": return [open("/proc/self/limits").read(), open("/proc/self/oom_score_adj").read()]
    if act == "child": return subprocess.check_output(["sh", "-c", "ulimit -d; cat /proc/self/oom_score_adj"]).decode().split()
    return allocate() if act == "allocate" else usual()
`;

const NODE_ERRORS = ["Error", "RangeError"];
const FUNCTIONS: Readonly<Record<Language, readonly [source: string, errors: readonly string[]]>> = {
  node: [NODE, NODE_ERRORS],
  typescript: [NODE, NODE_ERRORS],
  python: [PYTHON, ["MemoryError"]],
};

describe("the kernel's memory limit", { skip: noSandbox, concurrency: 2 }, () => {
  for (const runtime of languages)
    for (const poolSize of [0, 1]) {
      const [source, errors] = FUNCTIONS[runtime];
      test(`holds for a ${runtime} function and permits what is usual, ${poolSize === 0 ? "without a pool" : "prewarmed"}`, async () => {
        await using under = await startPlatform({ poolSize, isolation: "required" });
        const { call, spec } = await serve(under, runtime, source, poolSize);
        const bytesLimit = memoryRlimit(spec);
        const [limits, score] = (await call("limits")) as [string, string];
        assert.match(limits, new RegExp(`^Max data size +${bytesLimit} +${bytesLimit} `, "m"));
        assert.match(limits, /^Max core file size +0 +0 /m);
        assert.equal(Number(score), 500);
        assert.deepEqual(await call("child"), [String(bytesLimit / 1024), "500"]);
        const [bytes, name] = (await call("allocate")) as [number, string];
        assert.ok(errors.includes(name), name);
        assert.ok(bytes < bytesLimit && bytes > spec.memoryBytes, `${bytes} of ${bytesLimit}`);
        // A new replica: what this one allocated is not released before it is garbage-collected.
        await under.platform.scale(spec, 0);
        await noReplicas(under);
        const next = await serve(under, runtime, source, poolSize);
        const [, large] = (await next.call("usual")) as [number, number];
        assert.equal(large, 2 ** 25);
      });
    }

  test("ends a Node function that gets no more memory, and the log reports that it ran out of memory", async () => {
    await using under = await startPlatform({ isolation: "required" });
    const { call, spec } = await serve(under, "node", NODE, 0);
    await assert.rejects(call("fatal"), { code: "ECONNRESET" });
    const log = await eventually("the reason is logged", async () => {
      const lines = (await logsOf(under, spec)).join("\n");
      return /\[faas\] replica .*: The function ran out of memory: its limit is 256Mi/.test(lines) && lines;
    });
    assert.match(log, /FATAL ERROR/);
    assert.doesNotMatch(log, /Reached heap limit|Ineffective mark-compacts/);
  });
});

/** Starts a replica, and returns a function that sends requests to it. */
async function serve(under: EmbeddedUnderTest, runtime: Language, source: string, poolSize: number) {
  const spec = await apply(under, source, { timeout: "120s", runtime });
  await untilWaiting(poolSize, under.dataDir);
  await under.platform.scale(spec, 1);
  const { socketPath } = await ready(under);
  const call = async (path: string): Promise<unknown> => {
    const { status, body } = await new Promise<{ status?: number; body: string }>((resolve, reject) =>
      request({ socketPath, path: `/${path}` }, (response) => {
        text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
      })
        .on("error", reject)
        .end(),
    );
    assert.equal(status, 200, body);
    return JSON.parse(body);
  };
  return { spec, call };
}

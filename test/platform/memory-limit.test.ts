import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { type Language, languages } from "@faas/core";
import { EmbeddedPlatform } from "@faas/platforms";
import { dataBound } from "../../packages/platforms/src/embedded/sandbox/memory-rlimit.ts";
import { apply, type EmbeddedUnderTest, logsOf, prewarmed, python, setUp, until } from "./embedded-under-test.ts";

/** The kernel's bound on the memory of functions on the embedded platform, met by functions: the watch sees nothing of what is mapped and not used. */

const probed = mkdtempSync(join(tmpdir(), "faas-probe-"));
const tried = new EmbeddedPlatform({ dataDir: probed, bundleFolder: async () => "" });
const skip = tried.isolation.startsWith("none") ? `this machine cannot: ${tried.isolation}` : false;
await tried[Symbol.asyncDispose]();
rmSync(probed, { recursive: true });

const NODE = `
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
const work = () => new Promise((done, fail) => new Worker("require('worker_threads').parentPort.postMessage(1); setInterval(() => {}, 1e6)", { eval: true }).on("message", done).on("error", fail));
const take = (...sizes) => { const all = []; let name; for (const size of sizes) try { for (;;) all.push(Buffer.allocUnsafe(size)); } catch (error) { name = error.name; } return [all, name]; };
const acts = {
  bounds: () => [readFileSync("/proc/self/limits", "utf8"), readFileSync("/proc/self/oom_score_adj", "utf8")],
  child: () => execFileSync("sh", ["-c", "ulimit -d; cat /proc/self/oom_score_adj"]).toString().trim().split("\\n"),
  // Large ones: with what is left when there is none Node can still answer.
  take: () => { const [all, name] = take(2 ** 29); return [all.length * 2 ** 29, name]; },
  usual: async () => {
    for (let i = 0; i < 8; i++) await work();
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536 });
    memory.grow(256);
    const large = Buffer.alloc(2 ** 25, 1);
    return [memory.buffer.byteLength, large.length];
  },
  fatal: () => { const kept = take(2 ** 29, 2 ** 24); for (;;) kept.push(new Array(1e5).fill(0.5)); },
};
export const handler = ({ path }) => acts[path.slice(1)]();
`;
const PYTHON = `
import subprocess, threading
def take():
    kept = []
    try:
        while True: kept.append(bytes(2 ** 26))
    except MemoryError: return [len(kept) * 2 ** 26, "MemoryError"]
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
    if act == "bounds": return [open("/proc/self/limits").read(), open("/proc/self/oom_score_adj").read()]
    if act == "child": return subprocess.check_output(["sh", "-c", "ulimit -d; cat /proc/self/oom_score_adj"]).decode().split()
    return take() if act == "take" else usual()
`;

const SETTINGS = { timeout: "60s" } as const;

const NODE_ERRORS = ["Error", "RangeError"];
const FUNCTIONS: Readonly<Record<Language, readonly [source: string, errors: readonly string[]]>> = {
  node: [NODE, NODE_ERRORS],
  typescript: [NODE, NODE_ERRORS],
  python: [PYTHON, ["MemoryError"]],
};

for (const runtime of languages)
  for (const poolSize of [0, 1]) {
    const [source, errors] = FUNCTIONS[runtime];
    const where = poolSize === 0 ? "in a process of its own" : "in a process that waited";
    test(`a ${runtime} function ${where} is bounded by the kernel, and does what is usual`, { skip }, async () => {
      await using under = await setUp({ poolSize, python, isolation: "required" });
      const { call, spec } = await serving(under, runtime, source, poolSize === 1);
      const bound = dataBound(spec);
      const [limits, score] = (await call("bounds")) as [string, string];
      assert.match(limits, new RegExp(`^Max data size +${bound} +${bound} `, "m"));
      assert.match(limits, /^Max core file size +0 +0 /m);
      assert.equal(Number(score), 500);
      assert.deepEqual(await call("child"), [String(bound / 1024), "500"]);
      const [bytes, name] = (await call("take")) as [number, string];
      assert.ok(errors.includes(name), name);
      assert.ok(bytes < bound && bytes > spec.memoryBytes, `${bytes} of ${bound}`);
      // Another one: what was taken is not given back before the garbage is collected.
      await under.platform.scale(spec, 0);
      await until(under, ({ replicas }) => replicas.length === 0);
      const next = await serving(under, runtime, source, poolSize === 1);
      const [, large] = (await next.call("usual")) as [number, number];
      assert.equal(large, 2 ** 25);
    });
  }

test("a function in Node that the kernel gives no more memory ends, and it is told that it ran out of memory", {
  skip,
}, async () => {
  await using under = await setUp({ isolation: "required", poolSize: 0 });
  const { call, spec } = await serving(under, "node", NODE, false);
  const ending = call("fatal").catch((error: NodeJS.ErrnoException) => error.code);
  assert.equal(await ending, "ECONNRESET");
  const told = /\[faas\] replica .*: The function ran out of memory: its limit is 256Mi/;
  let said = "";
  for (const limit = Date.now() + 10_000; !told.test(said); await new Promise((done) => setTimeout(done, 50))) {
    said = (await logsOf(under, spec)).join("\n");
    assert.ok(Date.now() < limit, said);
  }
  assert.match(said, /FATAL ERROR/);
  assert.doesNotMatch(said, /Reached heap limit|Ineffective mark-compacts/);
});

/** A replica that answers `call`, which sends a request to it itself. */
async function serving(under: EmbeddedUnderTest, runtime: Language, source: string, waited: boolean) {
  const spec = await apply(under, source, { ...SETTINGS, runtime });
  if (waited) while (prewarmed().waiting.length === 0) await new Promise((done) => setTimeout(done, 20));
  await under.platform.scale(spec, 1);
  const { replicas } = await until(under, ({ replicas }) => replicas[0]?.ready === true);
  const socketPath = String(replicas[0]?.address).slice("unix:".length);
  const call = async (path: string): Promise<unknown> => {
    const answer = await new Promise<{ status?: number; body: string }>((done, fail) =>
      request({ socketPath, path: `/${path}`, timeout: 60_000 }, (incoming) => {
        text(incoming).then((body) => done({ status: incoming.statusCode ?? 0, body }), fail);
      })
        .on("error", fail)
        .end(),
    );
    assert.equal(answer.status, 200, answer.body);
    return JSON.parse(answer.body);
  };
  return { spec, call };
}

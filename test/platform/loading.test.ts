import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { apply, logsOf, startPlatform, until } from "./embedded-under-test.ts";

// Code that blocks its process without computing, as far as it is found in the same way as code that computes.
const PYTHON = `from time import sleep
def spin():
    while True:
        sleep(0.01)
spin()
def handler(event): return 1
`;
const KEEPS_LOCK = `import ctypes
ctypes.PyDLL(None).sleep(60)
def handler(event): return 1
`;
const NODE = `const lock = new Int32Array(new SharedArrayBuffer(4));
function spin() {
  for (;;) Atomics.wait(lock, 0, 0, 10);
}
spin();
export const handler = () => 1;
`;
// The expression begins shortly before the process is inspected.
const TYPESCRIPT = `interface Ignored { a: number }

export const handler = (): RegExpMatchArray | null => "a".match(/a/);
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_500); /^(a+)+$/.test("a".repeat(99) + "b");
`;

describe("a function that does not finish loading", { concurrency: 5 }, () => {
  for (const [name, runtime, source, location] of [
    ["an endless loop in Node", "node", NODE, "index.mjs:3 (spin)"],
    ["a slow regular expression in TypeScript", "typescript", TYPESCRIPT, "index.ts:4"],
    ["an endless loop in Python", "python", PYTHON, "main.py:"],
    ["a call in Python that keeps the interpreter's lock", "python", KEEPS_LOCK, "main.py:2 (<module>)"],
  ] as const)
    for (const poolSize of runtime === "node" ? [0, 1] : [0])
      test(`because of ${name} fails with its line${poolSize ? ", prewarmed" : ""}`, async () => {
        await using under = await startPlatform({ startTimeoutMs: 8_000, poolSize });
        const spec = await apply(under, source, { runtime });
        await under.platform.scale(spec, 1);
        const { failure } = await until(under, (status) => status.failure !== undefined);
        assert.equal(failure?.code, "START_TIMEOUT");
        assert.ok(failure.detail.includes(`: it was at ${location}`), failure.detail);
        assert.doesNotMatch((await logsOf(under, spec)).join("\n"), /Debugger/);
      });
});

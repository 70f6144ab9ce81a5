import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { apply, logsOf, startPlatform, until } from "./embedded-under-test.ts";

const PYTHON = `def spin():
    while True:
        pass
spin()
def handler(event): return 1
`;
const REGULAR_EXPRESSION = `import re
re.match("(a+)+$", "a" * 99 + "b")
def handler(event): return 1
`;
const NODE = `function spin() {
  for (;;);
}
spin();
export const handler = () => 1;
`;
const TYPESCRIPT = `interface Ignored { a: number }

export const handler = (): RegExpMatchArray | null => "a".match(/a/);
/^(a+)+$/.test("a".repeat(99) + "b");
`;

describe("a function that does not finish loading", { concurrency: 5 }, () => {
  for (const [name, runtime, source, location] of [
    ["an endless loop in Node", "node", NODE, "index.mjs:2 (spin)"],
    ["a slow regular expression in TypeScript", "typescript", TYPESCRIPT, "index.ts:4"],
    ["an endless loop in Python", "python", PYTHON, "main.py:"],
    ["a slow regular expression in Python", "python", REGULAR_EXPRESSION, "main.py:2 (<module>)"],
  ] as const)
    for (const poolSize of runtime === "node" ? [0, 1] : [0])
      test(`because of ${name} fails with its line${poolSize ? ", prewarmed" : ""}`, async () => {
        await using under = await startPlatform({ startTimeoutMs: 10_000, poolSize });
        const spec = await apply(under, source, { runtime });
        await under.platform.scale(spec, 1);
        const { failure } = await until(under, (status) => status.failure !== undefined);
        assert.equal(failure?.code, "START_TIMEOUT");
        assert.ok(failure.detail.includes(`: it was at ${location}`), failure.detail);
        assert.doesNotMatch((await logsOf(under, spec)).join("\n"), /Debugger/);
      });
});

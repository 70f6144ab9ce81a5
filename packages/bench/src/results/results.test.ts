import assert from "node:assert/strict";
import { test } from "node:test";
import { compareResults, findViolations, formatComparison, parseBound } from "./compare.ts";
import { latencyBins } from "./latency-bins.ts";
import { formatResult, parseResult, resultOf } from "./result.ts";
import { formatMs, summarize } from "./summary.ts";

const request = (latencyMs: number, status = 200) => ({ startMs: 0, latencyMs, status, cold: false });
/** Writes and reads a result with one run. */
const result = (name: string, latencies: readonly number[]) => {
  const run = { requests: latencies.map((ms) => request(ms)), durationMs: 1000, busy: 0 };
  const load = { kind: "closed", threads: 1, iterations: latencies.length } as const;
  const named = { name, url: "http://127.0.0.1/", method: "GET", load, run, replicas: [] };
  return parseResult(formatResult(resultOf([named], new Date(0))));
};

test("latencyBins counts each successful request once, in bins that grow", () => {
  const { upToMs, counts } = latencyBins([request(1), request(10), request(100), request(5, 500)], 10);
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    3,
  );
  assert.deepEqual([counts[0], counts.at(-1)], [1, 1]);
  assert.ok(Math.abs((upToMs.at(-1) ?? 0) - 100) < 1e-6);
});

test("latencyBins is empty without a successful request", () => {
  assert.deepEqual(latencyBins([request(1, 500)], 10), { upToMs: [], counts: [] });
});

test("summarize counts errors by status or reason, and leaves them out of the latencies", () => {
  const requests = [request(2), request(4), request(900, 503), { ...request(900, 0), error: "ECONNRESET" }];
  const { count, rate, errors, latencyMs } = summarize({ requests, durationMs: 2000, busy: 0 });
  assert.deepEqual([count, rate, errors], [4, 2, { 503: 1, ECONNRESET: 1 }]);
  assert.deepEqual([latencyMs?.min, latencyMs?.max], [2, 4]);
});

test("formatMs chooses the unit", () => {
  assert.deepEqual([0.0125, 12.345, 12_345].map(formatMs), ["13 us", "12.3 ms", "12.3 s"]);
});

for (const [text, expected] of [
  ["p99>+20%", { measure: "p99", above: true, relative: true, limit: 0.2 }],
  ["rate<-10%", { measure: "rate", above: false, relative: true, limit: -0.1 }],
  ["p99.9>1.5s", { measure: "p99.9", above: true, relative: false, limit: 1500 }],
  ["errors>0", { measure: "errors", above: true, relative: false, limit: 0 }],
] as const) {
  test(`parseBound reads ${text}`, () => {
    assert.deepEqual(parseBound(text), { text, ...expected });
  });
}

for (const text of ["", "fast>1ms", "p99>250", "rate>10ms", "p99=+20%", "p99>+20%x"]) {
  test(`parseBound rejects ${JSON.stringify(text)}`, () => {
    assert.equal(parseBound(text), undefined);
  });
}

test("compareResults compares runs of the same name, and single runs of any name", () => {
  const before = result("a", [10, 10]);
  assert.equal(compareResults(before, result("a", [20, 20])).find(({ measure }) => measure === "mean")?.change, 1);
  assert.equal(compareResults(before, result("b", [20, 20]))[0]?.run, "b");
  const several = { ...before, runs: [...before.runs, ...result("c", [1]).runs] };
  assert.deepEqual(compareResults(several, result("b", [1])), []);
});

test("findViolations returns the measures that meet the condition", () => {
  const comparisons = compareResults(result("a", [10, 10]), result("a", [15, 15]));
  const measures = (text: string) =>
    findViolations(comparisons, parseBound(text) ?? assert.fail(text)).map(({ measure }) => measure);
  assert.deepEqual(measures("p99>+20%"), ["p99"]);
  assert.deepEqual(measures("p99>+80%"), []);
  assert.deepEqual(measures("errors>+10%"), []);
  assert.match(formatComparison(comparisons), /^RUN +MEASURE +BEFORE +AFTER +CHANGE\na +rate /);
});

test("parseResult reads what formatResult writes, and names the first invalid field", () => {
  const { runs } = result("a", [1, 2, 3]);
  assert.deepEqual([runs[0]?.name, runs[0]?.summary.count], ["a", 3]);
  assert.throws(() => parseResult('{"version":1,"runs":[{"name":1}]}'), /runs\.0\.name/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareResults, findViolations, formatComparison, parseBound } from "./compare.ts";
import { latencyBins } from "./latency-bins.ts";
import { formatResult, parseResult, resultOf } from "./result.ts";
import { formatBound, formatMs, formatSummary, summarize } from "./summary.ts";

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

for (const [range, latencies, maxBins, expected] of [
  [
    "a long tail",
    [0.8, 4, 900],
    12,
    ["1 ms", "2 ms", "5 ms", "10 ms", "20 ms", "50 ms", "100 ms", "200 ms", "500 ms", "1 s"],
  ],
  [
    "a decade",
    [1.2, 3, 11],
    12,
    ["1.25 ms", "1.6 ms", "2 ms", "2.5 ms", "3 ms", "4 ms", "5 ms", "6 ms", "8 ms", "10 ms", "12.5 ms"],
  ],
  [
    "a narrow range",
    [10.2, 10.9, 11.4],
    8,
    ["10.2 ms", "10.4 ms", "10.6 ms", "10.8 ms", "11 ms", "11.2 ms", "11.4 ms"],
  ],
  ["equal latencies", [7, 7], 12, ["7 ms"]],
] as const)
  test(`latencyBins has round bounds for ${range}`, () => {
    const { upToMs, counts } = latencyBins(
      latencies.map((ms) => request(ms)),
      maxBins,
    );
    assert.deepEqual(upToMs.map(formatBound), expected);
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      latencies.length,
    );
  });

test("latencyBins counts each latency in the bin below whose bound it is, for any latencies", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 50 }),
      fc.integer({ min: 8, max: 40 }),
      (latencies, maxBins) => {
        const { upToMs, counts } = latencyBins(
          latencies.map((ms) => request(ms)),
          maxBins,
        );
        assert.ok(upToMs.length <= Math.max(maxBins, 11), String(upToMs));
        assert.deepEqual(
          upToMs,
          upToMs.toSorted((a, b) => a - b),
        );
        const expected = upToMs.map(
          (bound, index) =>
            latencies.filter((ms) => Math.max(ms, 0.001) <= bound && Math.max(ms, 0.001) > (upToMs[index - 1] ?? 0))
              .length,
        );
        assert.deepEqual(counts, expected);
      },
    ),
  );
});

test("summarize has no percentile above the maximum or below the minimum", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.002, max: 1e5, noNaN: true }), { minLength: 1 }), (latencies) => {
      const { latencyMs } = summarize({ requests: latencies.map((ms) => request(ms)), durationMs: 1, busy: 0 });
      const { min = 0, mean: _, max = 0, ...percentiles } = latencyMs ?? {};
      assert.deepEqual([min, max], [Math.min(...latencies), Math.max(...latencies)]);
      const values = [min, ...Object.values(percentiles), max];
      assert.deepEqual(
        values,
        values.toSorted((a, b) => a - b),
      );
    }),
  );
});

test("summarize counts the reasons of failed responses, the most frequent first", () => {
  const failed = (reason: string) => ({ ...request(1, 500), reason });
  const requests = [failed("a"), failed("b"), failed("b"), ...Array.from({ length: 6 }, (_, n) => failed(`rare ${n}`))];
  const summary = summarize({ requests: [...requests, failed("a"), failed("b")], durationMs: 1, busy: 0 });
  assert.deepEqual(Object.entries(summary.reasons ?? {}), [
    ["500 b", 3],
    ["500 a", 2],
    ["500 rare 0", 1],
    ["500 rare 1", 1],
    ["500 rare 2", 1],
    ["other reasons", 3],
  ]);
  assert.match(formatSummary(summary), /^errors {5}11 x 500\n {11}3 x 500 b\n {11}2 x 500 a\n/m);
  assert.equal(summarize({ requests: [request(1)], durationMs: 1, busy: 0 }).reasons, undefined);
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

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, formatSize, parseCpu, parseDuration, parseSize } from "./units.ts";

test("parses durations, which need a unit", () => {
  assert.deepEqual(
    ["300ms", "30s", "5m", "1.5h", "2d", "0s"].map(parseDuration),
    [300, 30_000, 300_000, 5_400_000, 172_800_000, 0],
  );
  for (const text of ["", "5", "m", "-1s", "5 m", "5min", "1e3s", "1s2", "½s"])
    assert.equal(parseDuration(text), undefined, text);
});

test("parses binary and decimal sizes, as in Kubernetes", () => {
  assert.deepEqual(["128Mi", "1Gi", "0.5Ki", "1k", "7"].map(parseSize), [2 ** 27, 2 ** 30, 512, 1000, 7]);
  for (const text of ["", "Mi", "128MB", "-1Mi", "1 Mi", "1mi"]) assert.equal(parseSize(text), undefined, text);
});

test("parses CPU in cores and in thousandths", () => {
  assert.deepEqual(["100m", "1", "0.5"].map(parseCpu), [100, 1000, 500]);
  for (const text of ["", "m", "1M", "-1", "1 m"]) assert.equal(parseCpu(text), undefined, text);
});

test("formatted quantities parse to the same number", () => {
  fc.assert(fc.property(fc.nat(), (ms) => parseDuration(formatDuration(ms)) === ms));
  fc.assert(fc.property(fc.nat(), (bytes) => parseSize(formatSize(bytes)) === bytes));
});

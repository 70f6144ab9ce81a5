import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import { bucketOf, durationOf } from "./duration-buckets.ts";
import { RequestStatistics, SLICE_MS } from "./request-statistics.ts";

const endpoint = {} as ServedEndpoint;
/** Start of a slice. */
const start = 1_000 * SLICE_MS;
const HOUR_MS = 12 * SLICE_MS;

test("a duration is known to within half a percent", () => {
  for (let ms = 0.001; ms < 2_000_000; ms *= 1.0037) {
    const error = Math.abs(durationOf(bucketOf(ms)) - ms);
    assert.ok(error <= Math.max(0.0005, ms * 0.005), `${ms} ms: off by ${error} ms`);
  }
});

test("longer durations are in higher buckets", () => {
  let previous = -1;
  for (let micros = 0; micros < 10_000; micros++) {
    const bucket = bucketOf(micros / 1000);
    assert.ok(bucket === previous || bucket === previous + 1, `${micros} us`);
    previous = bucket;
  }
  assert.equal(bucketOf(1e9), bucketOf(2 ** 31 / 1000));
});

test("calls, errors, cold starts and percentiles are those of the known load", () => {
  const statistics = new RequestStatistics(start);
  for (let i = 1; i <= 1_000; i++) statistics.record(endpoint, i % 50 === 0 ? 503 : 200, i, i <= 3, start + i);
  const { p50Ms = 0, p95Ms = 0, p99Ms = 0, ...counts } = statistics.summary(endpoint, start);
  assert.deepEqual(counts, { requests: 1_000, errors: 20, coldStarts: 3 });
  assert.ok(Math.abs(p50Ms - 500) <= 5 && Math.abs(p95Ms - 950) <= 9.5, `${p50Ms} ${p95Ms}`);
  assert.ok(Math.abs(p99Ms - 990) <= 9.9, `${p99Ms}`);
});

test("errors of the client are not errors of the function, and a WebSocket has no duration", () => {
  const statistics = new RequestStatistics(start);
  for (const status of [404, 429, 499]) statistics.record(endpoint, status, 0.1, false, start);
  statistics.record(endpoint, 101, 3_600_000, false, start);
  assert.deepEqual(statistics.summary(endpoint, start), {
    requests: 4,
    errors: 0,
    coldStarts: 0,
    p50Ms: 0.1,
    p95Ms: 0.1,
    p99Ms: 0.1,
  });
});

test("only calls of the last hour are counted, and only those of the requested window", () => {
  const statistics = new RequestStatistics(start);
  for (let slice = 0; slice < 30; slice++) statistics.record(endpoint, 200, 1, false, start + slice * SLICE_MS);
  const now = start + 29.5 * SLICE_MS;
  const requestsSince = (ms: number) => statistics.summary(endpoint, statistics.windowStart(now - ms, now)).requests;
  assert.equal(requestsSince(HOUR_MS), 13);
  assert.equal(requestsSince(24 * HOUR_MS), 13);
  assert.equal(requestsSince(0), 1);
  assert.equal(requestsSince(SLICE_MS), 2);
  assert.equal(statistics.windowStart(now - HOUR_MS, now), start + 17 * SLICE_MS);
});

test("the window begins no earlier than the server", () => {
  const statistics = new RequestStatistics(start + 7);
  assert.equal(statistics.windowStart(start - HOUR_MS, start + 10), start + 7);
});

test("a removed endpoint, and one without calls, have no figures", () => {
  const statistics = new RequestStatistics(start);
  statistics.record(endpoint, 200, 1, true, start);
  statistics.forget(endpoint);
  const nothing = { requests: 0, errors: 0, coldStarts: 0 };
  assert.deepEqual(statistics.summary(endpoint, start), nothing);
  assert.deepEqual(statistics.summary(undefined, start), nothing);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FaasError } from "../errors.ts";
import { parseTimeZone } from "./time-zone.ts";

test("names of time zones are written as in the time zone database", () => {
  for (const [given, expected] of [
    ["Europe/Berlin", "Europe/Berlin"],
    ["europe/berlin", "Europe/Berlin"],
    ["AMERICA/PORT-AU-PRINCE", "America/Port-au-Prince"],
    ["utc", "UTC"],
    ["etc/gmt+5", "Etc/GMT+5"],
  ] as const)
    assert.equal(parseTimeZone(given), expected);
});

test("a current name is not replaced with an earlier one, nor one of several names of a zone with another", () => {
  for (const name of ["Asia/Kolkata", "Asia/Calcutta", "Europe/Kyiv", "US/Pacific", "GMT"])
    assert.equal(parseTimeZone(name), name);
  assert.equal(parseTimeZone("asia/kolkata"), "Asia/Kolkata");
});

test("an unknown name is rejected with the most similar one, also for a city alone", () => {
  for (const [given, suggestion] of [
    ["Europe/Berlinn", "Europe/Berlin"],
    ["berlin", "Europe/Berlin"],
    ["New York", "America/New_York"],
    ["Kolkata", "Asia/Kolkata"],
    ["Kyiv", "Europe/Kyiv"],
  ] as const) {
    assert.throws(
      () => parseTimeZone(given),
      (error: FaasError) => {
        assert.equal(
          error.message,
          `Expected a time zone such as Europe/Berlin or UTC, got "${given}"; did you mean ${suggestion}?`,
        );
        assert.deepEqual([error.code, error.extensions], ["INVALID_REQUEST", { suggestion }]);
        return true;
      },
    );
  }
});

test("offsets and other text are rejected", () => {
  for (const name of ["", "+01:00", "Mars/Base", "Europe/", "/Berlin", "Europe/Berlin ", "__proto__", "CEST"])
    assert.throws(() => parseTimeZone(name), FaasError, name);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { FaasError } from "../errors.ts";
import { validate } from "../validate.ts";
import { endpointSpec } from "./endpoint.ts";
import { settingsInputSchema, settingsProblem, withDefaults } from "./settings.ts";
import { changeSettings, settingChanges } from "./settings-change.ts";
import { formatWarmWindow, parseWarmWindow, type WarmWindow } from "./warm-windows.ts";

const work: WarmWindow = { cron: "0 8 * * 1-5", timeZone: "Europe/Berlin", for: "10h", replicas: 2 };

function rejection(window: object): string {
  try {
    validate(settingsInputSchema, { warm: [window] }, "the settings");
  } catch (error) {
    assert.ok(error instanceof FaasError);
    return error.message;
  }
  return assert.fail("it was accepted");
}

test("accepts numbers, names, lists, ranges and steps in a cron expression", () => {
  for (const cron of ["* * * * *", "*/15 8-18 * * MON-FRI", "0,30 0 1,15 jan-mar/2 0", "0 8 29 2 *", "0  8 * * 7"])
    assert.deepEqual(validate(settingsInputSchema, { warm: [{ ...work, cron }] }, "x").warm, [{ ...work, cron }]);
});

test("rejects a cron expression that has not five fields", () => {
  for (const cron of ["", "@daily", "0 8 * *", "0 0 8 * * 1-5", "0 8 * * 1 - 5"])
    assert.match(rejection({ ...work, cron }), /"warm\.0\.cron": expected five fields: minute, hour, .*, got "/);
});

test("rejects fields that are not those of cron", () => {
  for (const cron of ["0 8 L * *", "0 8 ? * *", "0 8 * * MON#2", "a b c d e", "-1 8 * * *", "0 8 * * */"])
    assert.match(rejection({ ...work, cron }), /"warm\.0\.cron": expected .* with "[a-z ]+" .*, got "/);
  for (const cron of [
    "60 8 * * *",
    "0 24 * * *",
    "0 8 0 * *",
    "0 8 * 13 *",
    "0 8 * * 8",
    "0 8 * foo *",
    "0 18-8 * * *",
  ])
    assert.match(
      rejection({ ...work, cron }),
      /"warm\.0\.cron": expected a cron expression with "[a-z ]+" .*, got "/,
      cron,
    );
  // Schedules have these, windows do not.
  assert.match(rejection({ ...work, cron: "H 8 * * *" }), /"warm\.0\.cron": expected .* with "minute" as numbers/);
});

test("rejects a date that does not exist", () => {
  assert.match(
    rejection({ ...work, cron: "0 8 30 2 *" }),
    /expected a cron expression with a date that exists, got "0 8 30 2 \*"/,
  );
});

test("rejects an unknown time zone, and an offset, which would not follow daylight saving", () => {
  for (const timeZone of ["Europe/Berlinn", "Mars/Base", "+01:00", ""])
    assert.match(rejection({ ...work, timeZone }), /"warm\.0\.timeZone": expected a time zone such as Europe\/Berlin/);
  assert.match(rejection({ ...work, timeZone: "Berlin" }), /got "Berlin"; did you mean Europe\/Berlin\?/);
  assert.match(rejection({ ...work, timeZone: undefined }), /"warm\.0\.timeZone": expected text, got nothing/);
});

test("rejects another length than from a minute to a week, and another number than from 1", () => {
  assert.match(
    rejection({ ...work, for: "10 hours" }),
    /"warm\.0\.for": expected a duration such as .*, got "10 hours"/,
  );
  assert.match(rejection({ ...work, for: "30s" }), /"warm\.0\.for": expected a duration from 1m to 7d, got "30s"/);
  assert.match(rejection({ ...work, replicas: 0 }), /"warm\.0\.replicas": expected 1 or more, got 0/);
  assert.match(rejection({ ...work, replicas: 1.5 }), /"warm\.0\.replicas": expected a whole number, got 1\.5/);
  assert.match(rejection({ ...work, until: "18:00" }), /"warm\.0": unknown field "until"/);
});

test("rejects fewer maxReplicas than a window has; its default follows", () => {
  const warm = [{ ...work, replicas: 20 }];
  assert.match(settingsProblem(withDefaults({ maxReplicas: 10, warm })) ?? "", /replicas of "warm" \(20\), got 10/);
  assert.equal(withDefaults({ warm }).maxReplicas, 20);
  const { settings, set } = changeSettings({ settings: withDefaults({ warm }) }, {});
  assert.deepEqual([settings.maxReplicas, set], [20, undefined]);
});

test("no windows are the same as an empty list", () => {
  const artifact = { kind: "image", reference: "x" } as const;
  const revision = { id: "r", createdAt: "", artifact, settings: withDefaults({ warm: [] }) };
  assert.equal(endpointSpec({ org: "acme", endpoint: "x" }, revision).warm, undefined);
  assert.deepEqual(changeSettings({ settings: withDefaults({ warm: [work] }) }, { settings: { warm: [] } }), {
    settings: withDefaults({}),
  });
});

test("the text of a window has all its parts", () => {
  const text = "0 8 * * 1-5 Europe/Berlin 10h 2";
  assert.equal(formatWarmWindow(work), text);
  assert.deepEqual(parseWarmWindow(` ${text} `), work);
  for (const other of ["", "0 8 * * 1-5 Europe/Berlin 10h", `${text} 3`])
    assert.equal(parseWarmWindow(other), undefined);
  const changes = settingChanges(withDefaults({}), withDefaults({ warm: [work] }));
  assert.deepEqual(changes, [{ setting: "warm", from: null, to: [text] }]);
});

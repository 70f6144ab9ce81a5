import assert from "node:assert/strict";
import { test } from "node:test";
import { settingsInputSchema, settingsProblem, withDefaults } from "../endpoints/settings.ts";
import { changeSettings, settingChanges } from "../endpoints/settings-change.ts";
import { FaasError } from "../errors.ts";
import { validate } from "../validate.ts";
import { checkSchedules, normalizedSchedules, type ScheduleInput, scheduleCron } from "./schedule-settings.ts";

const morning: ScheduleInput = { name: "morning", cron: "0 8 * * 1-5", timeZone: "Europe/Berlin" };
const ref = { org: "acme", endpoint: "jobs" };

function rejection(schedule: object): string {
  try {
    validate(settingsInputSchema, { schedules: [schedule] }, "the settings");
  } catch (error) {
    assert.ok(error instanceof FaasError && error.code === "INVALID_REQUEST");
    return error.message;
  }
  return assert.fail("it was accepted");
}

test("a schedule has a cron expression, and may have everything else", () => {
  const accepted: ScheduleInput[] = [
    { cron: "@daily" },
    { cron: "H H(0-5) * * *", method: "GET", path: "/report?type=daily", missed: "skip" },
    { ...morning, headers: { "Content-Type": "text/csv" }, body: "a,b", missed: 10, overlap: true, enabled: false },
    { ...morning, body: { list: [1, null, { a: true }] } },
  ];
  for (const schedule of accepted)
    assert.deepEqual(validate(settingsInputSchema, { schedules: [schedule] }, "x").schedules, [schedule]);
});

test("each field is checked, and named in the error", () => {
  const cases: [object, RegExp][] = [
    [{ cron: "0 8 * *" }, /"schedules\.0\.cron": expected a cron expression with five fields/],
    [{ cron: "60 8 * * *" }, /"schedules\.0\.cron": expected a cron expression with "minute" from 0 to 59, got "60"/],
    [{}, /"schedules\.0\.cron": expected text, got nothing/],
    [{ timeZone: "Berlin" }, /"schedules\.0\.timeZone": .* did you mean Europe\/Berlin\?/],
    [{ name: "Morning" }, /"schedules\.0\.name": expected lower-case letters/],
    [{ path: "report" }, /"schedules\.0\.path": expected a path that begins with "\/"/],
    [{ method: "get" }, /"schedules\.0\.method": expected one of "GET"/],
    [{ headers: { "X-Faas-Schedule": "x" } }, /"schedules\.0\.headers\.X-Faas-Schedule": expected a header that the/],
    [{ headers: { A: "1\r\nB: 2" } }, /"schedules\.0\.headers\.A": expected ASCII text/],
    [{ body: "x".repeat(17_000) }, /"schedules\.0\.body": expected at most 16384 bytes/],
    [{ missed: 0 }, /"schedules\.0\.missed": /],
    [{ every: "5m" }, /"schedules\.0": unknown field "every"/],
  ];
  for (const [fields, expected] of cases) {
    const schedule = Object.keys(fields).length === 0 ? {} : { cron: "@daily", ...fields };
    assert.match(rejection(schedule), expected);
  }
});

test("names are unique within an endpoint", () => {
  assert.match(
    settingsProblem(withDefaults({ schedules: [morning, { ...morning, cron: "@daily" }] })) ?? "",
    /own "name", got two of "morning"/,
  );
  const schedules = [
    { cron: "@daily" },
    { cron: "@hourly" },
    { cron: "@daily", path: "/x" },
    { cron: "@daily", timeZone: "Asia/Tokyo" },
  ];
  assert.equal(settingsProblem(withDefaults({ schedules })), undefined);
  assert.match(
    settingsProblem(withDefaults({ schedules: [...schedules, { cron: "@daily", body: "x" }] })) ?? "",
    /got two of/,
  );
});

test("a default name depends on nothing but the times and the request line", () => {
  const nameOf = (schedule: ScheduleInput) => normalizedSchedules([{ cron: "@hourly" }, schedule])[1]?.name ?? "";
  const name = nameOf({ cron: "0 8 * * *", path: "/Daily/report?x=1" });
  assert.match(name, /^daily-report-[0-9a-f]{6}$/);
  assert.equal(nameOf({ cron: "0  8 * * * ", path: "/Daily/report?x=1", body: "x", enabled: false }), name);
  assert.notEqual(nameOf({ cron: "0 9 * * *", path: "/Daily/report?x=1" }), name);
  assert.match(nameOf({ cron: "@daily", path: `/${"long-".repeat(100)}` }), /^.{63}$/);
});

test("a value that is the default is the same as none", () => {
  const explicit = {
    name: "a",
    cron: "@daily",
    timeZone: "UTC",
    method: "POST",
    path: "/",
    headers: {},
    missed: "once",
    overlap: false,
    enabled: true,
  } as const;
  assert.deepEqual(
    withDefaults({ schedules: [explicit] }),
    withDefaults({ schedules: [{ name: "a", cron: "@daily" }] }),
  );
  assert.deepEqual(
    changeSettings({ settings: withDefaults({ schedules: [morning] }) }, { settings: { schedules: [] } }),
    {
      settings: withDefaults({}),
    },
  );
});

test("a changed body is a change of the setting, however long it is", () => {
  const bodies = [undefined, "a", { a: 1 }, "x".repeat(5_000), `${"x".repeat(4_999)}y`];
  for (const [index, body] of bodies.entries())
    for (const other of bodies.slice(index + 1)) {
      const [before, after] = [body, other].map((each) =>
        withDefaults({ schedules: [{ ...morning, ...(each === undefined ? {} : { body: each }) }] }),
      );
      assert.equal(settingChanges(before as never, after as never)[0]?.setting, "schedules");
    }
});

test("a schedule that is never due is rejected with the path of its expression", () => {
  const schedules = normalizedSchedules([morning, { cron: "0 8 30 2 *" }]);
  assert.throws(
    () => checkSchedules(ref, schedules, 0),
    (error: FaasError) => {
      assert.equal(error.code, "SCHEDULE_NEVER_DUE");
      assert.match(error.message, /"schedules\.1\.cron": expected a cron expression with a date that exists/);
      assert.equal((error.extensions.issues as { path: string }[])[0]?.path, "schedules.1.cron");
      return true;
    },
  );
  checkSchedules(ref, normalizedSchedules([morning, { cron: "0 8 29 2 *" }, { cron: "H H H H *" }]), 0);
});

test("H differs for endpoints and for names, and stays", () => {
  const textOf = (endpoint: string, name: string) =>
    scheduleCron({ org: "acme", endpoint }, { cron: "H H * * *", name }).text;
  assert.equal(textOf("a", "x"), textOf("a", "x"));
  assert.equal(new Set([textOf("a", "x"), textOf("a", "y"), textOf("b", "x")]).size, 3);
});

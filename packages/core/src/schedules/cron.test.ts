import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FaasError } from "../errors.ts";
import { parseCron } from "./cron.ts";

const rejection = (text: string, seed?: string): FaasError => {
  try {
    parseCron(text, seed === undefined ? {} : { seed });
  } catch (error) {
    assert.ok(error instanceof FaasError, `${error}`);
    return error;
  }
  return assert.fail(`"${text}" was accepted`);
};

test("expressions with the same times have the same text", () => {
  for (const [text, normalized] of [
    ["0 8 * * 1-5", "0 8 * * 1-5"],
    [" 00  08 * * mon-FRI ", "0 8 * * 1-5"],
    ["0,30 2 * * *", "0,30 2 * * *"],
    ["30,0,30 2 * * *", "0,30 2 * * *"],
    ["0-59 0-23 1-31 1-12 0-6", "* * * * *"],
    ["*/1 */1 */1 */1 */1", "* * * * *"],
    ["*,5 0-11,12-23 1-30,31 jan-jun,jul-dec 1-7", "* * * * *"],
    ["0 8 13 * 0-7", "0 8 13 * *"],
    ["0 8 1-31 * 5", "0 8 * * 5"],
    ["0 8 * * 7", "0 8 * * 0"],
    ["0 8 * * 0,7", "0 8 * * 0"],
    ["0 8 * * fri-sun", "0 8 * * 0,5,6"],
    ["0 8 * * 5-7", "0 8 * * 0,5,6"],
    ["*/15 */2 */10 */6 */2", "*/15 */2 */10 1,7 */2"],
    ["5-59/10 1-5,7,9-10 * JAN,dec *", "5,15,25,35,45,55 1-5,7,9,10 * 1,12 *"],
    ["*/60 */24 * * *", "0 0 * * *"],
    ["@hourly", "0 * * * *"],
    ["@Daily", "0 0 * * *"],
    ["@midnight", "0 0 * * *"],
    ["@weekly", "0 0 * * 0"],
    ["@monthly", "0 0 1 * *"],
    ["@yearly", "0 0 1 1 *"],
    ["@annually", "0 0 1 1 *"],
  ] as const)
    assert.equal(parseCron(text).text, normalized, text);
});

test("rejects what is not in a field, with its name, the expected range and the given part", () => {
  for (const [text, field, expected, got] of [
    ["60 8 * * *", "minute", "from 0 to 59", "60"],
    ["0 24 * * *", "hour", "from 0 to 23", "24"],
    ["0 8 0 * *", "day of month", "from 1 to 31", "0"],
    ["0 8 * 13 *", "month", "from 1 to 12 or JAN to DEC", "13"],
    ["0 8 * foo *", "month", "from 1 to 12 or JAN to DEC", "foo"],
    ["0 8 * * 8", "day of week", "from 0 to 7 or SUN to SAT", "8"],
    ["0 8 * * 1-9", "day of week", "from 0 to 7 or SUN to SAT", "9"],
    ["mon 8 * * *", "minute", "from 0 to 59", "mon"],
    ["0 8 ? * *", "day of month", "as * for any value", "?"],
    ["*/90 * * * *", "minute", "with a step from 1 to 60, the number of values in its range", "*/90"],
    ["0 */25 * * *", "hour", "with a step from 1 to 24, the number of values in its range", "*/25"],
    ["10-20/15 * * * *", "minute", "with a step from 1 to 11, the number of values in its range", "10-20/15"],
    ["*/0 * * * *", "minute", "with a step from 1 to 60, the number of values in its range", "*/0"],
    ["5/10 * * * *", "minute", "with a range before a step, such as 5-59/10", "5/10"],
    ["0 8 * * 1/2", "day of week", "with a range before a step, such as 1-6/2", "1/2"],
    ["0 22-2 * * *", "hour", "with ranges in ascending order, such as 0-2,22,23", "22-2"],
    ["0 8 * * sat-mon", "day of week", "with ranges in ascending order, such as 0,1,6", "sat-mon"],
  ] as const) {
    const { code, message, extensions } = rejection(text);
    assert.equal(message, `Expected a cron expression with "${field}" ${expected}, got "${got}"`);
    assert.deepEqual([code, extensions.field], ["INVALID_REQUEST", field]);
  }
});

test("rejects extensions that programs read differently", () => {
  const fields = [
    "0 8 L * *",
    "0 8 15W * *",
    "0 8 * * 5L",
    "0 8 * * MON#2",
    "0 8 * * 1-",
    "0,,5 8 * * *",
    "-1 8 * * *",
  ];
  for (const text of [...fields, "1.5 8 * * *", "0x5 8 * * *", "H 8 * * *", "٣ 8 * * *", "*5 8 * * *", "1-2-3 8 * * *"])
    assert.match(
      rejection(text).message,
      /^Expected a cron expression with "[a-z ]+" (as numbers )?from .*, got "/,
      text,
    );
});

test("rejects another number of fields, and unknown nicknames", () => {
  const five = "Expected a cron expression with five fields";
  assert.match(rejection("").message, new RegExp(`^${five}: minute, hour, .*, got ""$`));
  assert.match(rejection("0 8 * *").message, new RegExp(`^${five}: .*, got "0 8 \\* \\*"$`));
  assert.match(rejection("0 0 8 * * 1").message, new RegExp(`^${five} \\(.*\\), without one for seconds`));
  for (const text of ["@reboot", "@every 5m", "@", "@constructor"])
    assert.match(rejection(text).message, /^Expected one of @yearly, .*, got "@/);
});

test("rejects a date that does not exist, and accepts one that only leap years have", () => {
  for (const text of ["0 8 30 2 *", "0 8 31 2,4,6,9,11 *", "0 8 31 feb */1", "* * 30,31 2 0-6"]) {
    const { code, message } = rejection(text);
    assert.equal(code, "SCHEDULE_NEVER_DUE");
    assert.equal(message, `Expected a cron expression with a date that exists, got "${text}"`);
  }
  for (const text of ["0 8 29 2 *", "0 8 31 2,3 *", "0 8 30 2 1"]) parseCron(text);
});

test("H is a number of the field that the seed chooses, and stays the same in later releases", () => {
  assert.equal(parseCron("H H * * *", { seed: "acme/report" }).text, "2 17 * * *");
  assert.equal(parseCron("H/15 H(0-5) H H H", { seed: "acme/report" }).text, "2,17,32,47 5 7 11 3");
});

test("H is within its field or range, and spreads endpoints over it", () => {
  const minutes = new Set<number>();
  for (let index = 0; index < 600; index++) {
    const cron = parseCron("H H(1-4) H * H/3", { seed: `acme/job-${index}` });
    const [minute = -1] = cron.minutes;
    minutes.add(minute);
    assert.deepEqual([cron.minutes.length, cron.hours.length, cron.daysOfMonth.length], [1, 1, 1]);
    assert.ok(minute >= 0 && minute <= 59);
    assert.ok((cron.hours[0] as number) >= 1 && (cron.hours[0] as number) <= 4);
    assert.ok((cron.daysOfMonth[0] as number) >= 1 && (cron.daysOfMonth[0] as number) <= 28);
    assert.deepEqual(cron.daysOfWeek.map((day) => day - (cron.daysOfWeek[0] as number)).slice(0, 2), [0, 3]);
  }
  assert.ok(minutes.size > 55, `${minutes.size}`);
  for (const text of [
    "H(5-1) 8 * * *",
    "H(0-9)/11 8 * * *",
    "H/61 8 * * *",
    "H(0-60) 8 * * *",
    "H-5 8 * * *",
    "h 8 * * *",
  ])
    assert.match(rejection(text, "acme/x").message, /"minute"/, text);
});

test("any text is parsed or rejected with a FaasError, and a normalized text parses to the same", () => {
  const item = fc.stringMatching(/^(\*|H|H\([0-9]-[0-9]{1,2}\)|[0-9]{1,2}(-[0-9]{1,2})?|mon|JAN-mar)(\/[0-9]{1,2})?$/);
  const field = fc.oneof(
    { weight: 3, arbitrary: fc.constant("*") },
    item,
    fc.array(item, { maxLength: 3 }).map((all) => all.join(",")),
  );
  const text = fc.oneof(
    fc.array(field, { minLength: 5, maxLength: 5 }).map((all) => all.join(" ")),
    fc.string(),
  );
  let parsed = 0;
  fc.assert(
    fc.property(text, fc.string(), (each, seed) => {
      try {
        const cron = parseCron(each, { seed });
        parsed++;
        assert.deepEqual(parseCron(cron.text), cron);
      } catch (error) {
        if (!(error instanceof FaasError)) throw error;
      }
    }),
    { numRuns: 1000 },
  );
  assert.ok(parsed > 50, `${parsed}`);
});

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { ScheduleView } from "@faas/core";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();
const nobody = { after: () => {} };
const schedule = (...argv: readonly string[]) => server.run(nobody, ["schedule", ...argv]);
const listed = async (): Promise<readonly ScheduleView[]> =>
  JSON.parse((await schedule("list", "acme/jobs", "-o", "json")).stdout);

before(async () => {
  await server.deploy("acme/jobs", "export const handler = ({ method, path, body }) => ({ method, path, body });");
});

describe("faas schedule", () => {
  test("adds, lists, runs and removes a schedule", async () => {
    const added = await schedule(
      "add",
      "acme/jobs",
      "--cron",
      "0 8 1 1 *",
      "--time-zone",
      "Europe/Berlin",
      "--name",
      "yearly",
      "--path",
      "/report",
      "-d",
      '{"a":1}',
    );
    assert.equal(added.code, 0, added.stderr);
    assert.match(
      added.stderr,
      /Added the schedule yearly of acme\/jobs\. Its next time is \d{4}-01-01 08:00 \+01:00, \d{4}-01-01 07:00 UTC\.\n$/,
    );
    const run = await schedule("run", "acme/jobs", "yearly");
    const call = run.stdout.trim();
    assert.match(call, /^acme\/[0-9A-Z]{26}$/);
    const { stdout: response } = await server.run(nobody, ["calls", "response", call, "--wait"]);
    assert.deepEqual(JSON.parse(response), { method: "POST", path: "/report", body: { a: 1 } });
    const { stdout } = await schedule("list", "acme");
    const year = String.raw`\d{4}-01-01 08:00 \+01:00, \d{4}-01-01 07:00 UTC\n`;
    assert.match(
      stdout,
      new RegExp(
        `^acme/jobs yearly\n  times    0 8 1 1 \\* Europe/Berlin\n  request  POST /report\n  missed   run once\n  next     ${year}           ${year}           ${year}  runs     .* UTC  completed, by hand: ${call}\n$`,
      ),
    );
    const removed = await schedule("remove", "acme/jobs", "yearly");
    assert.match(removed.stderr, /Removed the schedule yearly of acme\/jobs\.\n$/);
    const none = await schedule("list");
    assert.deepEqual([none.code, none.stdout], [0, ""]);
    assert.match(none.stderr, /No schedules\. Add one with "faas schedule add ORG\/ENDPOINT --cron …"\./);
  });

  test("replaces, disables and enables a schedule", async () => {
    await schedule("add", "acme/jobs", "--cron", "@daily", "--name", "a");
    await schedule("add", "acme/jobs", "--cron", "@hourly", "--name", "b");
    const again = await schedule("add", "acme/jobs", "--cron", "@weekly", "--name", "a");
    assert.equal(again.code, 2, again.stderr);
    assert.match(again.stderr, /has a schedule "a" already: pass --replace, or another --name/);
    assert.equal(
      (await schedule("add", "acme/jobs", "--cron", "@weekly", "--name", "a", "--missed", "3", "--replace")).code,
      0,
    );
    await schedule("disable", "acme/jobs", "b");
    assert.deepEqual(
      (await listed()).map(({ name, cron, missed, enabled }) => [name, cron, missed, enabled]),
      [
        ["a", "@weekly", 3, true],
        ["b", "@hourly", "once", false],
      ],
    );
    const enabled = await schedule("enable", "acme/jobs", "b");
    assert.match(enabled.stderr, /Enabled the schedule b of acme\/jobs\. Its next time is .* UTC\.\n$/);
  });

  test("reports what is wrong before it changes anything", async () => {
    const before = await listed();
    const cases: [readonly string[], RegExp][] = [
      [
        ["add", "acme/jobs", "--cron", "0 8 * *"],
        /Expected the `--cron` option to be a cron expression with five fields/,
      ],
      [["add", "acme/jobs", "--cron", "@daily", "--time-zone", "Berlin"], /did you mean Europe\/Berlin\?/],
      [
        ["add", "acme/jobs", "--cron", "@daily", "--missed", "none"],
        /once, skip or a number from 1 to 100, got "none"/,
      ],
      [["add", "acme/jobs", "--cron", "@daily", "-X", "BREW"], /`--method` option to be one of GET/],
      [["add", "acme/jobs", "--cron", "0 8 30 2 *"], /SCHEDULE_NEVER_DUE/],
      [["remove", "acme/jobs", "bb"], /has no schedule "bb"/],
      [["run", "acme/jobs", "bb"], /has no schedule "bb"/],
    ];
    for (const [argv, expected] of cases) {
      const { code, stderr } = await schedule(...argv);
      assert.notEqual(code, 0);
      assert.match(stderr, expected);
    }
    assert.deepEqual(await listed(), before);
  });
});

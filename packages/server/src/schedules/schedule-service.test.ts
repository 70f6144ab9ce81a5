import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { tempDir } from "@faas/testing";
import { FakeClock } from "../testing/fake-clock.ts";
import { scheduleRig } from "../testing/schedule-rig.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Starts schedules on a new folder, at 07:55 UTC. */
const setUp = (options: Partial<Parameters<typeof scheduleRig>[0]> = {}) => {
  const folder = tempDir("schedules");
  const clock = new FakeClock("2026-11-30T07:55:00Z");
  const start = (more: typeof options = {}) => scheduleRig({ folder, clock, ...more });
  return { clock, start, started: start(options) };
};

describe("a schedule", () => {
  test("starts a call at each of its times, with its request", async () => {
    const { clock, started } = setUp();
    await using rig = await started;
    await rig.deploy({
      ...{ name: "report", cron: "0 9 * * *", timeZone: "Europe/Berlin", method: "PUT", path: "/report?x=1" },
      ...{ headers: { "X-Mine": "yes" }, body: { a: 1 } },
    });
    await clock.advance(4 * MINUTE_MS);
    assert.deepEqual(await rig.calls(), []);
    await clock.advance(2 * MINUTE_MS);
    const [call, ...others] = await rig.calls();
    assert.equal(others.length, 0);
    assert.deepEqual([call?.request.method, call?.request.target, call?.body], ["PUT", "/report?x=1", '{"a":1}']);
    for (const line of [
      "Content-Type: application/json",
      "X-Mine: yes",
      "X-Faas-Schedule: report",
      "X-Faas-Scheduled-Time: 2026-11-30T08:00:00.000Z",
    ])
      assert.match(call?.request.lines ?? "", new RegExp(`^${line}\r$`, "m"));
    await rig.finish();
    await clock.advance(48 * HOUR_MS);
    assert.deepEqual(rig.outcomes("report"), ["08:00 started", "08:00 started", "08:00 overlap"]);
  });

  test("that is new, or has other times, has no runs before that", async () => {
    const { clock, started } = setUp();
    await using rig = await started;
    await rig.deploy({ name: "a", cron: "*/30 * * * *" });
    await clock.advance(10 * MINUTE_MS);
    await rig.finish();
    await rig.deploy({ name: "a", cron: "1 * * * *" });
    await clock.advance(50 * MINUTE_MS);
    assert.deepEqual(rig.outcomes("a"), ["08:00 started"]);
    await clock.advance(10 * MINUTE_MS);
    assert.deepEqual(rig.outcomes("a"), ["08:00 started", "09:01 started"]);
  });

  test("that is disabled has no runs, and none afterwards for the time before", async () => {
    const { clock, started } = setUp();
    await using rig = await started;
    const a = { name: "a", cron: "*/30 * * * *" };
    await rig.deploy({ ...a, enabled: false });
    await clock.advance(HOUR_MS);
    await rig.deploy(a);
    await clock.advance(10 * MINUTE_MS);
    assert.deepEqual(rig.outcomes("a"), ["09:00 started"]);
  });

  test("that was removed has no runs, and is forgotten", async () => {
    const { clock, started } = setUp();
    await using rig = await started;
    await rig.deploy({ name: "a", cron: "*/30 * * * *" }, { name: "b", cron: "*/30 * * * *" });
    await rig.deploy({ name: "b", cron: "*/30 * * * *" });
    await clock.advance(10 * MINUTE_MS);
    assert.deepEqual(
      rig.schedules.list("acme").map(({ schedule }) => schedule.name),
      ["b"],
    );
    assert.equal((await rig.calls()).length, 1);
    await rig.remove();
    await clock.advance(HOUR_MS);
    assert.deepEqual(rig.schedules.list("acme"), []);
    assert.equal((await rig.calls()).length, 1);
  });

  test("keeps its outcomes and times when only its request changes", async () => {
    const { clock, started } = setUp();
    await using rig = await started;
    await rig.deploy({ name: "a", cron: "*/30 * * * *", body: "old" });
    await clock.advance(10 * MINUTE_MS);
    await rig.finish();
    await rig.deploy({ name: "a", cron: "0,30 * * * *", body: "new" });
    await clock.advance(30 * MINUTE_MS);
    assert.deepEqual(rig.outcomes("a"), ["08:00 started", "08:30 started"]);
    assert.equal((await rig.calls()).at(-1)?.body, "new");
  });
});

describe("overlap", () => {
  test("a run is skipped while the previous one has not ended", async () => {
    const { clock, started } = setUp();
    await using rig = await started;
    await rig.deploy({ name: "a", cron: "*/10 * * * *" });
    await clock.advance(20 * MINUTE_MS);
    const [first] = await rig.calls();
    await rig.finish();
    await clock.advance(10 * MINUTE_MS);
    assert.deepEqual(rig.outcomes("a"), ["08:00 started", "08:10 overlap", "08:20 started"]);
    const { outcomes } = rig.schedules.list("acme")[0]?.entry ?? {};
    assert.match(JSON.stringify(outcomes?.[1]), new RegExp(`the previous run ${first?.id} had not ended`));
  });

  test("runs that may overlap are all started, and their calls have no order", async () => {
    const { clock, started } = setUp();
    await using rig = await started;
    await rig.deploy({ name: "a", cron: "*/10 * * * *", overlap: true });
    await clock.advance(20 * MINUTE_MS);
    assert.deepEqual(rig.outcomes("a"), ["08:00 started", "08:10 started"]);
    assert.equal((await rig.queue.lease("acme/jobs", 10, 1_000)).length, 2);
  });
});

describe("missed runs", () => {
  const cases = [
    { missed: undefined, expected: ["08:00 started", "08:10 missed", "08:20 missed", "08:30 started"] },
    { missed: "skip", expected: ["08:00 started", "08:10 missed", "08:20 missed", "08:30 missed"] },
    { missed: 2, expected: ["08:00 started", "08:10 missed", "08:20 started", "08:30 started"] },
  ] as const;
  for (const { missed, expected } of cases)
    test(`with ${JSON.stringify(missed) ?? "the default"}, after a restart`, async () => {
      const { clock, start, started } = setUp();
      const first = await started;
      await first.deploy({ name: "a", cron: "*/10 * * * *", ...(missed === undefined ? {} : { missed }) });
      await clock.advance(6 * MINUTE_MS);
      await first.finish();
      await first[Symbol.asyncDispose]();
      clock.jump(34 * MINUTE_MS);
      await using second = await start();
      await clock.advance(1);
      assert.deepEqual(second.outcomes("a"), expected);
      // Several begin one after the other.
      assert.equal(
        (await second.queue.lease("acme/jobs", 10, 1_000)).length,
        Math.min(1, expected.filter((each) => /:[1-5]0 started/.test(each)).length),
      );
    });

  test("are noticed within half a minute after the machine was suspended", async () => {
    const { clock, started } = setUp();
    await using rig = await started;
    await rig.deploy({ name: "a", cron: "30 8 * * *" });
    clock.jump(2 * HOUR_MS);
    await clock.advance(30_000);
    assert.deepEqual(rig.outcomes("a"), ["08:30 started"]);
  });

  test("are not started twice when the clock is put back and goes forward again", async () => {
    const { clock, started } = setUp();
    await using rig = await started;
    await rig.deploy({ name: "a", cron: "*/30 * * * *", overlap: true });
    await clock.advance(10 * MINUTE_MS);
    clock.jump(-HOUR_MS);
    await clock.advance(2 * HOUR_MS);
    const times = (await rig.calls()).map(({ time }) => time?.slice(11, 16));
    assert.deepEqual(times, ["08:00", "07:30", "08:30", "09:00"]);
  });
});

describe("a run that cannot be started", () => {
  test("is tried again", async () => {
    const { clock, started } = setUp({ rejections: 2 });
    await using rig = await started;
    await rig.deploy({ name: "a", cron: "0 8 * * *" });
    await clock.advance(5 * MINUTE_MS + 9_000);
    assert.deepEqual(rig.outcomes("a"), []);
    await clock.advance(1_000);
    assert.deepEqual(rig.outcomes("a"), ["08:00 started"]);
    assert.equal((await rig.calls())[0]?.time, "2026-11-30T08:00:00.000Z");
  });

  test("is skipped after a minute, with the reason", async () => {
    const { clock, started } = setUp({ rejections: 1_000 });
    await using rig = await started;
    await rig.deploy({ name: "a", cron: "0 8 * * *", missed: "skip" });
    await clock.advance(10 * MINUTE_MS);
    assert.deepEqual(rig.outcomes("a"), ["08:00 rejected"]);
    assert.match(JSON.stringify(rig.schedules.list("acme")[0]?.entry.outcomes), /INTERNAL: /);
  });
});

test("a server that is killed after it has started a run, and before that is written, starts none twice", async () => {
  const { clock, start, started } = setUp();
  const first = await started;
  await first.deploy(
    { name: "a", cron: "*/10 * * * *", missed: 100 },
    { name: "b", cron: "*/5 * * * *", overlap: true },
  );
  await first[Symbol.asyncDispose]();
  for (let round = 0; round < 6; round++) {
    const rig = await start({ isKilled: round % 2 === 0 });
    await clock.advance(7 * MINUTE_MS);
    await rig.finish();
    await rig[Symbol.asyncDispose]();
  }
  await using last = await start();
  await clock.advance(1);
  const keys = new Set<string>();
  for (const { id } of last.queue.list({ group: "acme", limit: 1_000 })) keys.add(id);
  // 07:55 to 08:37: "a" at 08:00 to 08:30, "b" at 08:00 to 08:35.
  assert.equal(keys.size, 4 + 8);
});

test("a run by hand begins after the previous one, and is not a run of its time", async () => {
  const { clock, started } = setUp();
  await using rig = await started;
  await rig.deploy({ name: "a", cron: "0 8 * * *", enabled: false });
  await assert.rejects(rig.schedules.runNow({ org: "acme", endpoint: "jobs" }, "aa"), {
    code: "SCHEDULE_NOT_FOUND",
    message: /did you mean "a"/,
  });
  const first = await rig.schedules.runNow({ org: "acme", endpoint: "jobs" }, "a");
  const second = await rig.schedules.runNow({ org: "acme", endpoint: "jobs" }, "a");
  assert.notEqual(first.id, second.id);
  assert.equal((await rig.queue.lease("acme/jobs", 10, 1_000)).length, 1);
  await clock.advance(HOUR_MS);
  assert.deepEqual(rig.outcomes("a"), ["07:55 started", "07:55 started"]);
});

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { AsyncCall, ScheduleList, ScheduleView } from "@faas/core";
import { tempDir } from "@faas/testing";
import type { ServerOptions } from "../options.ts";
import { startServer } from "../server.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Schedules, through the HTTP interface, with replicas as processes and a clock that the tests move. */

const CODE = `
export const handler = ({ method, path, query, headers, body }) => ({
  status: 200,
  headers: { "content-type": "application/json" },
  body: { method, path, body, name: headers["x-faas-schedule"], time: headers["x-faas-scheduled-time"], type: headers["content-type"] },
});`;
const bundle = await functionBundle(CODE);
const artifact = { kind: "bundle", digest: digestOf(bundle) };
const clock = new FakeClock("2026-11-30T06:55:00Z");
const server = await testControl({ auth: true, clock });
assert.equal((await server.upload(bundle)).status, 201);

const register = (key: string, schedules: readonly object[] | null, more: object = {}) => {
  const [org, endpoint] = key.split("/");
  const settings = { replicas: 0, visibility: "public", ...more, schedules };
  return server.send("PUT", `/-/orgs/${org}/endpoints/${endpoint}`, { artifact, settings });
};
const listed = async (org: string, query = ""): Promise<readonly ScheduleView[]> =>
  ((await server.send("GET", `/-/orgs/${org}/schedules${query}`)).body as ScheduleList).schedules;
const ended = async (org: string, id = ""): Promise<AsyncCall> =>
  (await server.send("GET", `/-/orgs/${org}/calls/${id}?wait=30s`)).body;

describe("a schedule", () => {
  test("calls its function when it is due, and is listed with its next times and its runs", async () => {
    const { status, body } = await register("acme/jobs", [
      { name: "report", cron: "0 8 * * 1-5", timeZone: "Europe/Berlin", path: "/report", body: { month: "May" } },
    ]);
    assert.equal(status, 201, JSON.stringify(body));
    await clock.advance(5 * 60_000);
    const [view] = await listed("acme");
    assert.deepEqual(view?.next, [
      { utc: "2026-12-01T07:00:00.000Z", local: "2026-12-01T08:00:00+01:00" },
      { utc: "2026-12-02T07:00:00.000Z", local: "2026-12-02T08:00:00+01:00" },
      { utc: "2026-12-03T07:00:00.000Z", local: "2026-12-03T08:00:00+01:00" },
    ]);
    assert.deepEqual([view?.runs.length, view?.runs[0]?.due.local], [1, "2026-11-30T08:00:00+01:00"]);
    const { call } = view?.runs[0] ?? {};
    assert.equal((await ended("acme", call)).state, "completed");
    assert.equal((await listed("acme"))[0]?.runs[0]?.state, "completed");
    const headers = { authorization: `Bearer ${server.adminToken}` };
    const response = await fetch(`${server.url}/-/orgs/acme/calls/${call}/response`, { headers });
    assert.deepEqual(await response.json(), {
      ...{ method: "POST", path: "/report", body: { month: "May" }, type: "application/json" },
      ...{ name: "report", time: "2026-11-30T07:00:00.000Z" },
    });
  });

  test("runs by hand, also when it is disabled", async () => {
    await register("hand/jobs", [{ name: "report", cron: "@daily", enabled: false }]);
    const path = "/-/orgs/hand/endpoints/jobs/schedules";
    const { status, headers, body } = await server.send("POST", `${path}/report/run`);
    assert.deepEqual([status, headers.get("location")], [202, `/-/orgs/hand/calls/${body.id}`]);
    assert.equal((await ended("hand", body.id)).state, "completed");
    const [view] = await listed("hand", "?endpoint=jobs");
    assert.deepEqual([view?.next, view?.runs.length, view?.runs[0]?.manual], [[], 1, true]);
    assert.equal((await server.send("POST", `${path}/reports/run`)).problem.code, "SCHEDULE_NOT_FOUND");
  });

  test("that is never due, or invalid, is rejected when it is registered", async () => {
    const never = await register("never/jobs", [{ cron: "@daily" }, { cron: "0 8 30 2 *" }]);
    assert.deepEqual([never.status, never.problem.code], [422, "SCHEDULE_NEVER_DUE"]);
    assert.equal((never.body.issues as { path: string }[])[0]?.path, "schedules.1.cron");
    const invalid = await register("never/jobs", [{ cron: "0 8 * * 8" }]);
    assert.deepEqual([invalid.status, invalid.problem.code], [400, "INVALID_REQUEST"]);
    const outside = await register("never/jobs", [{ cron: "@daily", path: "/a/../../other" }]);
    assert.deepEqual([outside.status, outside.problem.code], [400, "INVALID_PATH"]);
    assert.match(invalid.problem.detail, /"settings\.schedules\.0\.cron": expected .*"day of week"/);
  });

  test("is shown to keys of its organization alone", async () => {
    await server.send("PUT", "/-/orgs/other", {});
    const own = await server.key("acme", "read");
    const other = await server.key("other", "deploy");
    assert.equal((await server.send("GET", "/-/orgs/acme/schedules", undefined, own)).status, 200);
    assert.equal((await server.send("GET", "/-/orgs/acme/schedules", undefined, other)).status, 404);
    const run = "/-/orgs/acme/endpoints/jobs/schedules/report/run";
    assert.equal((await server.send("POST", run, undefined, own)).status, 403);
    assert.equal((await server.send("POST", run, undefined, other)).status, 404);
  });
});

describe("each time has one run", () => {
  test("over servers that take over from each other around it", async () => {
    const dataDir = join(tempDir("schedules"), "data");
    const clocks = new FakeClock("2026-11-30T06:59:50Z");
    const start = (more: Partial<ServerOptions>) =>
      startServer({ dataDir, port: 0, logLevel: "silent", auth: false, clock: clocks, ...more });
    let running = await start({});
    const servers = [running];
    after(async () => {
      for (const each of servers.toReversed()) await each.stop();
    });
    const request = async (method: string, path: string, body?: string | Uint8Array<ArrayBuffer>) =>
      (
        await fetch(running.url + path, {
          method,
          ...(body === undefined ? {} : { body }),
          headers: typeof body === "string" ? { "Content-Type": "application/json" } : {},
        })
      ).json();
    await request("PUT", `/-/bundles/${artifact.digest}`, new Uint8Array(bundle));
    const settings = { replicas: 0, schedules: [{ name: "a", cron: "* * * * *", overlap: true, missed: 100 }] };
    await request("PUT", "/-/orgs/acme/endpoints/jobs", JSON.stringify({ artifact, settings }));
    for (let round = 0; round < 4; round++) {
      // The time comes before the takeover, during it, or after it.
      if (round % 2 === 0) await clocks.advance(20_000);
      const predecessor = await running.release();
      clocks.jump(30_000);
      running = await start({ predecessor });
      servers.push(running);
      await clocks.advance(10_000);
    }
    const { calls } = (await request("GET", "/-/orgs/acme/calls?limit=100")) as { calls: readonly { id: string }[] };
    const { schedules } = (await request("GET", "/-/orgs/acme/schedules")) as ScheduleList;
    // From 06:59:50, 200 seconds: 07:00 to 07:03.
    assert.deepEqual(
      schedules[0]?.runs.map(({ due }) => due.utc.slice(11, 16)),
      ["07:03", "07:02", "07:01", "07:00"],
    );
    assert.deepEqual(
      calls.map(({ id }) => id),
      schedules[0]?.runs.map(({ call }) => call),
    );
  });
});

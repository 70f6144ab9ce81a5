import assert from "node:assert/strict";
import { before, test } from "node:test";
import { eventually } from "@faas/testing";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();
const CALLS = 200;

/** Returns the median by nearest rank, or another percentile. */
const percentile = (values: readonly number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] as number;

async function lines(t: Parameters<typeof server.run>[0], argv: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await server.run(t, argv);
  assert.equal(code, 0, stderr);
  return stdout.trimEnd().split("\n");
}

before(async () => {
  // Every tenth call fails, and takes longer.
  await server.deploy(
    "acme/load",
    `export const handler = async ({ query: { n } }) => {
      await new Promise((done) => setTimeout(done, n % 10 === 0 ? 120 : Number(n) / 5));
      return n % 10 === 0 ? { status: 500, body: "failed" } : "fine";
    };\n`,
  );
  await server.deploy("acme/unused", "export const handler = () => 1;\n");
  await server.deploy("other/load", "export const handler = () => 1;\n");
  const call = async (n: number) => (await fetch(`${server.url}/acme/load?n=${n}`)).text();
  await Promise.all(Array.from({ length: CALLS }, (_, n) => call(n)));
});

test("stats shows the calls, errors and durations of a known load within 1 %", async (t) => {
  const text = await lines(t, ["stats", "acme", "-o", "json"]);
  const { since, endpoints } = JSON.parse(text.join(""));
  assert.ok(Date.parse(since) <= Date.now());
  const [load, unused] = endpoints;
  const { p50Ms, p95Ms, p99Ms, ...counts } = load;
  assert.deepEqual(counts, {
    ...{ org: "acme", endpoint: "load", requests: CALLS, errors: CALLS / 10, coldStarts: 0, live: 1 },
  });
  // The lines of the calls have the exact durations.
  const calls = await lines(t, ["logs", "acme/load", "--status", "2xx,5xx", "-o", "json"]);
  const durations = calls.map((line) => JSON.parse(line).access.durationMs);
  assert.equal(durations.length, CALLS);
  for (const [found, share] of [
    [p50Ms, 0.5],
    [p95Ms, 0.95],
    [p99Ms, 0.99],
  ]) {
    const exact = percentile(durations, share);
    assert.ok(Math.abs(found - exact) <= exact * 0.01, `${found} ms instead of ${exact} ms at ${share}`);
  }
  assert.deepEqual(unused, { org: "acme", endpoint: "unused", requests: 0, errors: 0, coldStarts: 0, live: 1 });
});

test("stats without an organization shows all endpoints in a table", async (t) => {
  const [head, ...rows] = await lines(t, ["stats", "--since", "5m"]);
  assert.match(head ?? "", /^ORG +ENDPOINT +REQUESTS +ERRORS +P50 +P95 +COLD +LIVE$/);
  assert.match(rows[0] ?? "", /^acme +load +200 +20 +[\d.]+ +[\d.]+ +0 +1$/);
  assert.deepEqual(
    rows.slice(1).map((row) => row.split(/ +/).join(" ")),
    ["acme unused 0 0 - - 0 1", "other load 0 0 - - 0 1"],
  );
});

test("stats counts cold starts and live replicas", async (t) => {
  const source = await server.source("sleepy", "export const handler = () => 1;\n");
  const options = ["--org", "cold", "--endpoint", "sleepy", "--idle-timeout", "200ms"];
  assert.equal((await server.run(t, ["deploy", source, ...options])).code, 0);
  const figures = async () => {
    const response = await fetch(`${server.url}/-/orgs/cold/stats`);
    return ((await response.json()) as { endpoints: { live: number; coldStarts: number }[] }).endpoints[0];
  };
  await eventually("it is idle", async () => (await figures())?.live === 0);
  await fetch(`${server.url}/cold/sleepy`);
  assert.equal((await figures())?.coldStarts, 1);
});

test("stats rejects a longer time than it counts, and so does the server", async (t) => {
  const { code, stderr } = await server.run(t, ["stats", "--since", "2h"]);
  assert.equal(code, 2);
  assert.match(stderr, /`--since` option to be a duration of at most 1h such as 5m, got "2h"/);
  assert.equal((await fetch(`${server.url}/-/stats?since=2h`)).status, 400);
});

test("stats of an unknown organization fails", async (t) => {
  const { code, stderr } = await server.run(t, ["stats", "nobody"]);
  assert.equal(code, 1);
  assert.match(stderr, /ORG_NOT_FOUND/);
});

test("events shows what happened in an organization, and follows new events", async (t) => {
  const shown = await lines(t, ["events", "acme", "-o", "json", "--type", "faas.endpoint.deployed"]);
  assert.deepEqual(
    shown.map((line) => JSON.parse(line).subject),
    ["acme/load", "acme/unused"],
  );
  const following = server.start(t, ["events", "acme/gone", "-f"]);
  await server.deploy("acme/gone", "export const handler = () => 1;\n");
  assert.equal((await server.run(t, ["remove", "acme/gone", "--yes"])).code, 0);
  await following.printed(/endpoint\.deployed acme\/gone revision=\w+\n[\s\S]*endpoint\.removed acme\/gone\n/);
  assert.doesNotMatch(following.stdout(), /acme\/load/);
});

test("events rejects types that do not exist", async (t) => {
  const { code, stderr } = await server.run(t, ["events", "--type", "faas.endpoint.deploy"]);
  assert.equal(code, 2);
  assert.match(stderr, /`--type` option to be types of events such as faas.endpoint.\*, got "faas.endpoint.deploy"/);
});

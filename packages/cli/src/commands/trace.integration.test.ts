import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Calls } from "@faas/core";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();

/** A call of `/end` ends the body of `/body`. */
const SOURCE = `const ended = Promise.withResolvers();
export async function handler({ path }) {
  if (path === "/throws") throw new Error("no database");
  if (path === "/end") return ended.resolve();
  return (async function* () { yield "a"; await ended.promise; })();
}
`;

const call = (path: string, id: string) =>
  fetch(`${server.url}/acme/traced${path}`, { headers: { "x-request-id": id } });

before(async () => {
  await server.deploy("acme/traced", SOURCE);
  await (await call("/throws", "failed")).text();
  const slow = await call("/body?secret=1", "slow-body");
  await (await call("/end", "end")).text();
  await slow.text();
});

test("trace shows the stages of a call as a waterfall", async (t) => {
  const { code, stdout, stderr } = await server.run(t, ["trace", "slow-body"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^acme\/traced GET \/body 200 in \d+\.\d ms/);
  assert.match(stdout, /replica traced-\S+, revision \S+/);
  assert.match(stdout, /^function +0\.0 ms │█+ +│ +\d+\.\d ms$/m);
  assert.match(stdout, /^response body +\d+\.\d ms │ +█+ *│ +\d+\.\d ms$/m);
});

test("the stages of a call add up to its time", async (t) => {
  const { stdout } = await server.run(t, ["trace", "slow-body", "--output", "json"]);
  const [found] = (JSON.parse(stdout) as Calls).calls;
  assert.ok(found);
  const sum = found.stages.filter(({ of }) => of === undefined).reduce((ms, { durationMs }) => ms + durationMs, 0);
  assert.ok(Math.abs(sum - found.durationMs) < 0.1, stdout);
});

test("trace lists the last, the slowest and the failed calls", async (t) => {
  const listed = async (...argv: string[]) => {
    const { stdout } = await server.run(t, ["trace", "--output", "json", ...argv]);
    return (JSON.parse(stdout) as Calls).calls.map(({ requestId }) => requestId);
  };
  assert.deepEqual(await listed(), ["slow-body", "end", "failed"]);
  assert.deepEqual(await listed("--limit", "1"), ["slow-body"]);
  assert.deepEqual(await listed("--list", "failed"), ["failed"]);
  assert.equal((await listed("--list", "slowest")).length, 3);
  const { stdout } = await server.run(t, ["trace"]);
  assert.match(stdout, /^ARRIVED +ENDPOINT +METHOD +PATH +STATUS +MS +COLD +REQUEST ID$/m);
});

test("trace says where an older call may be found", async (t) => {
  const { code, stderr } = await server.run(t, ["trace", "missing"]);
  assert.equal(code, 1);
  assert.match(stderr, /no call with the request id "missing" in memory \(NOT_FOUND\)/);
  assert.match(stderr, /faas logs ORG\/ENDPOINT --request-id missing/);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { call } from "../testing/call.ts";
import { SteadyCalls } from "../testing/simulations/canary-calls.ts";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

/** Canaries through the HTTP interface, decided by what the gateway counts. */

const server = await testControl();
const bundle = await functionBundle(`
if (process.env.LOAD_ERROR) throw new Error(process.env.LOAD_ERROR);
let calls = 0;
export const handler = async ({ path }) => {
  if (path === "/exit") process.exit(3);
  calls++;
  if (calls % 100 < Number(process.env.PERCENT ?? 0)) throw new Error("a planned error");
  await new Promise((done) => setTimeout(done, Number(process.env.DELAY_MS ?? 0)));
  return process.env.FAAS_REVISION;
};
`);
assert.equal((await server.upload(bundle)).status, 201);
const artifact = { kind: "bundle", digest: digestOf(bundle) };
const pathOf = (key: string) => `/-/orgs/${key.replace("/", "/endpoints/")}`;
/** Few calls suffice for limits that are far away. */
const QUICK = { steps: [50, 80, 100], every: "1s", maxErrorRate: 10, maxP95: 100 };

/** Deploys a revision with variables. Without a canary, it waits until it is ready. */
async function deploy(key: string, env: Readonly<Record<string, string>>, canary?: object): Promise<string> {
  const body = { artifact, settings: { keepWarm: "0s" }, variables: { env }, ...(canary && { canary }) };
  const { status, body: response } = await server.send("PUT", pathOf(key), body);
  assert.ok(status < 300, JSON.stringify(response));
  assert.equal(response.canary, canary ? true : undefined);
  if (canary === undefined) await server.send("GET", `${pathOf(key)}?wait=${response.revision}`);
  return response.revision;
}

const viewOf = async (key: string) => (await server.send("GET", pathOf(key))).body;
const ended = async (key: string, revision: string) =>
  (await server.send("GET", `${pathOf(key)}?wait=${revision}&timeout=60s`)).body;
const started = (key: string) =>
  eventually("the first step", async () => (await viewOf(key)).canary.state === "running");
const revisionAt = async (key: string) => (await call(`${server.url}/${key}`)).body;

/** Returns the types of the events about an endpoint's canaries, with shares. */
async function eventsOf(key: string): Promise<string[]> {
  const [org, endpoint] = key.split("/");
  const query = `org=${org}&endpoint=${endpoint}&type=faas.endpoint.canary.*&after=0&follow=false`;
  const { body } = await server.send("GET", `/-/events?${query}`);
  return [...String(body).matchAll(/^data: (.*)$/gm)].map(([, json = ""]) => {
    const { type, data } = JSON.parse(json);
    return `${type.replace("faas.endpoint.canary.", "")}${data.share === undefined ? "" : ` ${data.share}`}`;
  });
}

test("a good revision gets the calls step by step, and then serves", async () => {
  const key = "good/x";
  const old = await deploy(key, { VALUE: "1" });
  await using _ = new SteadyCalls(`${server.url}/${key}`);
  const next = await deploy(key, { VALUE: "2" }, QUICK);
  await started(key);
  const { revision, traffic, canary } = await viewOf(key);
  assert.deepEqual([revision, traffic.shares], [old, { [old]: 50, [next]: 50 }]);
  assert.deepEqual([canary.revision, canary.base, canary.steps], [next, old, [50, 80, 100]]);
  const view = await ended(key, next);
  assert.deepEqual([view.revision, view.traffic, view.canary.state], [next, undefined, "promoted"]);
  assert.ok(view.canary.seen.canary.calls > 20 && view.canary.seen.base.calls > 5, JSON.stringify(view.canary));
  assert.equal(await revisionAt(key), next);
  assert.deepEqual(await eventsOf(key), ["started", "advanced 50", "advanced 80", "promoted"]);
});

test("a revision that fails more calls than the old one goes back", async () => {
  const key = "bad/x";
  const old = await deploy(key, { VALUE: "1" });
  await using _ = new SteadyCalls(`${server.url}/${key}`);
  const next = await deploy(key, { PERCENT: "50" }, QUICK);
  const { revision, traffic, canary } = await ended(key, next);
  assert.deepEqual([revision, traffic, canary.state], [old, undefined, "rolled-back"]);
  assert.match(canary.detail, new RegExp(`% of \\d+ calls failed, and 0 % of \\d+ calls of ${old}`));
  assert.ok(canary.seen.errorRateDifference.low > 0);
  assert.equal(await revisionAt(key), old);
  assert.deepEqual(await eventsOf(key), ["started", "advanced 50", "ended"]);
});

test("a slower revision goes back", async () => {
  const key = "slow/x";
  const old = await deploy(key, { DELAY_MS: "5" });
  await using _ = new SteadyCalls(`${server.url}/${key}`);
  const next = await deploy(key, { DELAY_MS: "500" }, { ...QUICK, steps: [50, 100], maxP95: 2, timeout: "5m" });
  const { revision, canary } = await ended(key, next);
  assert.deepEqual([revision, canary.state], [old, "rolled-back"]);
  assert.match(canary.detail, /^its p95 is \d+ ms over \d+ calls/);
});

test("a revision that does not load, or whose replica exits, goes back without any call", async () => {
  const key = "broken/x";
  const old = await deploy(key, { VALUE: "1" });
  const broken = await deploy(key, { LOAD_ERROR: "no database" }, QUICK);
  const { canary, traffic } = await ended(key, broken);
  assert.deepEqual([canary.state, traffic], ["rolled-back", undefined]);
  assert.match(canary.detail, /FUNCTION_LOAD_FAILED.*no database/);
  assert.equal(canary.seen, undefined);

  const exits = await deploy(key, { VALUE: "2" }, QUICK);
  await started(key);
  await call(`${server.url}/${key}@${exits}/exit`);
  assert.match((await ended(key, exits)).canary.detail, /^a replica of it ended, REPLICA_EXITED/);
  assert.equal(await revisionAt(key), old);
});

test("too few calls decide nothing until the step times out", async () => {
  const key = "quiet/x";
  const old = await deploy(key, { VALUE: "1" });
  const next = await deploy(key, { VALUE: "2" }, { ...QUICK, timeout: "4s" });
  await started(key);
  await eventually("calls are counted", async () => {
    await revisionAt(key);
    return (await viewOf(key)).canary.seen !== undefined;
  });
  const { revision, canary } = await ended(key, next);
  assert.deepEqual([revision, canary.state], [old, "rolled-back"]);
  assert.match(canary.detail, /^\d+ calls?, and \d+ calls? of \w+, did not suffice for a decision within 4s$/);
});

test("promote ends a canary with all calls at the new revision, rollback with all at the old one", async () => {
  const key = "byhand/x";
  const old = await deploy(key, { VALUE: "1" });
  const next = await deploy(key, { VALUE: "2" }, QUICK);
  await started(key);
  const { body } = await server.send("POST", `${pathOf(key)}/rollback`);
  assert.deepEqual([body.revision, body.replaced, body.unchanged], [old, next, false]);
  const back = await viewOf(key);
  assert.deepEqual([back.canary.state, back.traffic], ["rolled-back", undefined]);

  assert.equal(await deploy(key, { VALUE: "2" }, QUICK), next);
  await started(key);
  await server.send("POST", `${pathOf(key)}/rollback`, { revision: next });
  assert.equal(await revisionAt(key), next);
  const { revision, canary } = await ended(key, next);
  assert.deepEqual([revision, canary.state], [next, "promoted"]);
});

test("another deployment or split replaces a canary, and a removed endpoint has none", async () => {
  const key = "replaced/x";
  const old = await deploy(key, { VALUE: "1" });
  const first = await deploy(key, { VALUE: "2" }, { ...QUICK, sticky: "cookie" });
  await started(key);
  assert.equal((await viewOf(key)).traffic.sticky, "cookie");
  const second = await deploy(key, { VALUE: "3" }, QUICK);
  await started(key);
  const { canary, traffic } = await viewOf(key);
  assert.deepEqual([canary.revision, traffic.shares, traffic.sticky], [second, { [old]: 50, [second]: 50 }, "cookie"]);
  await server.send("PUT", `${pathOf(key)}/split`, { shares: { [old]: 90, [first]: 10 } });
  const split = await viewOf(key);
  assert.deepEqual([split.canary.state, split.traffic.shares], ["replaced", { [old]: 90, [first]: 10 }]);

  await deploy(key, { VALUE: "2" }, QUICK);
  await started(key);
  const next = await deploy(key, { VALUE: "4" });
  const after = await viewOf(key);
  assert.deepEqual([after.revision, after.canary.state, after.traffic], [next, "replaced", undefined]);
  assert.match(after.canary.detail, new RegExp(`the revision ${next} was deployed`));

  await deploy(key, { VALUE: "5" }, QUICK);
  await started(key);
  assert.equal((await server.send("DELETE", pathOf(key))).status, 204);
  assert.equal((await call(`${server.url}/${key}`)).status, 404);
});

test("a canary of a new endpoint is an ordinary deployment, and impossible requests are rejected", async () => {
  const put = (key: string, more: object) => server.send("PUT", pathOf(key), { artifact, ...more });
  const { status, body } = await put("new/x", { canary: QUICK });
  assert.deepEqual([status, body.canary], [201, undefined]);
  await server.send("GET", `${pathOf("new/x")}?wait=${body.revision}`);
  const same = await put("new/x", { canary: QUICK });
  assert.deepEqual([same.body.unchanged, same.body.canary], [true, undefined]);
  for (const steps of [[100], [50, 20, 100], [5, 50], [0, 100]])
    assert.equal((await put("new/x", { canary: { steps } })).problem.code, "INVALID_REQUEST", String(steps));
  assert.equal((await put("new/x", { canary: QUICK, preview: {} })).problem.code, "INVALID_REQUEST");
  const slow = { artifact, settings: { command: "sleep 30" } };
  await server.send("PUT", pathOf("new/x"), slow);
  assert.equal((await put("new/x", { canary: QUICK })).problem.code, "DEPLOYMENT_IN_PROGRESS");
});

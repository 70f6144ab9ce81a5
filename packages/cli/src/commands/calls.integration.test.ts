import assert from "node:assert/strict";
import { before, test } from "node:test";
import { eventually } from "@faas/testing";
import type { CommandOptions, Test } from "../testing/test-cli.ts";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();

/** Fails at `/broken` until a call of `/repair`, and waits at `/slow` for a call of `/finish`. */
const JOBS = `let isRepaired = false;
const finished = Promise.withResolvers();
export async function handler({ path, method, headers, body }) {
  if (path === "/repair") isRepaired = true;
  if (path === "/finish") finished.resolve();
  if (path === "/slow") await finished.promise;
  if (path === "/broken" && !isRepaired) throw new Error("no database");
  if (path === "/teapot") return { status: 418, headers: { "x-pot": "tea" }, body: "short and stout" };
  return { method, attempt: headers["x-faas-attempt"] ?? null, body };
}
`;

before(async () => {
  await server.deploy("acme/jobs", JOBS);
  await server.deploy("umbrella/other", "export const handler = () => 1;\n");
  const settings = ["async=attempts=2,backoff=1ms", "concurrency=20"];
  assert.equal((await server.run({ after: () => {} }, ["config", "acme/jobs", ...settings])).code, 0);
});

/** Runs a command that succeeds; returns its stdout. */
async function output(t: Test, argv: readonly string[], more?: Partial<CommandOptions>): Promise<string> {
  const { code, stdout, stderr } = await server.run(t, argv, more);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** Calls asynchronously; returns the name of the call. */
const accepted = async (t: Test, path: string, ...more: readonly string[]) =>
  (await output(t, ["invoke", `acme/jobs${path}`, "--async", ...more])).trim();

/** Ids of the listed calls. */
const listed = async (t: Test, ...argv: readonly string[]): Promise<readonly string[]> =>
  JSON.parse(await output(t, ["calls", ...argv, "-o", "json"])).calls.map(({ id }: { id: string }) => `acme/${id}`);

test("invoke --async prints the name of the call alone, and calls response its response", async (t) => {
  const { code, stdout, stderr } = await server.run(t, ["invoke", "acme/jobs", "--async", "-d", '{"a":1}']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^acme\/\w+\n$/);
  const call = stdout.trim();
  assert.equal(stderr, `See "faas calls show ${call}" and "faas calls response ${call} --wait".\n`);
  const response = await output(t, ["calls", "response", call, "--wait"]);
  assert.deepEqual(JSON.parse(response), { method: "POST", attempt: "1", body: { a: 1 } });
  assert.equal(await output(t, ["calls", "response", `/-/orgs/acme/calls/${call.slice(5)}`]), response);
});

test("invoke --async --wait prints the response as a synchronous call does, with its exit code", async (t) => {
  const waited = await server.run(t, ["invoke", "acme/jobs/a", "--async", "--wait"]);
  assert.deepEqual([waited.code, JSON.parse(waited.stdout).method, waited.stderr], [0, "GET", ""]);
  const teapot = await server.run(t, ["invoke", "acme/jobs/teapot", "--async", "--wait", "-i"]);
  assert.deepEqual([teapot.code, teapot.stdout], [1, "short and stout"]);
  assert.match(
    teapot.stderr,
    /^HTTP\/1\.1 418 I'm a Teapot\n[\s\S]*^x-pot: tea$[\s\S]*\nerror: acme\/jobs responded with 418/m,
  );
});

test("a call continues after --wait 10ms and after Ctrl-C, and can be followed to its end", async (t) => {
  const late = await server.run(t, ["invoke", "acme/jobs/slow", "--async", "--wait", "10ms"]);
  assert.deepEqual([late.code, late.stdout], [1, ""]);
  assert.match(late.stderr, /^acme\/\w+ has not ended: .*See "faas calls show acme\/\w+"/);
  const call = /^\S+/.exec(late.stderr)?.[0] ?? "";
  const waiting = server.start(t, ["calls", "response", call, "--wait"]);
  const following = server.start(t, ["calls", "show", call, "--follow"]);
  await following.printed(/ running, delivery 1\n/);
  waiting.interrupt();
  const interrupted = await waiting.ended;
  assert.deepEqual([interrupted.code, interrupted.stdout], [130, ""]);
  assert.equal(interrupted.stderr, `The call continues. ${seeAlso(call)}\n`);
  await output(t, ["invoke", "acme/jobs/finish"]);
  const { code, stdout } = await following.ended;
  assert.equal(code, 0);
  assert.match(stdout, /^\S+Z completed with 200 after 1 delivery\n$/m);
});

const seeAlso = (call: string) => `See "faas calls show ${call}" and "faas calls response ${call} --wait".`;

test("a failed call has its errors, is listed, and succeeds when it is retried after a repair", async (t) => {
  const { code, stderr } = await server.run(t, ["invoke", "acme/jobs/broken", "--async", "--wait"]);
  assert.equal(code, 1);
  const call = /faas calls retry (\S+)"/.exec(stderr)?.[1] ?? "";
  assert.match(stderr, /^error: acme\/jobs failed after 2 deliveries, the last with 500/m);
  const shown = await output(t, ["calls", "show", call]);
  assert.match(shown, /^request +GET \/broken$/m);
  assert.equal(shown.match(new RegExp(`\\b${call.slice(5)}\\.[12]\\b`, "g"))?.length, 2, shown);
  assert.deepEqual(await listed(t, "acme/jobs", "--state", "failed"), [call]);
  await output(t, ["invoke", "acme/jobs/repair"]);
  assert.equal((await server.run(t, ["calls", "retry", call])).stderr, "1 call will be delivered again now.\n");
  assert.equal(JSON.parse(await output(t, ["calls", "response", call, "--wait"])).attempt, "1");
  assert.deepEqual(await listed(t, "acme", "--state", "failed"), []);
});

test("calls without a word or with list lists calls, the newest first, with totals on stderr", async (t) => {
  const calls = [await accepted(t, "/1"), await accepted(t, "/2")];
  await output(t, ["calls", "response", calls[1] as string, "--wait"]);
  for (const argv of [["calls", "acme"], ["calls", "list", "acme/jobs"], ["calls", "ls"], ["calls"]]) {
    const { stdout, stderr } = await server.run(t, [...argv, "-n", "2"]);
    const [head, ...rows] = stdout.trim().split("\n");
    assert.match(head ?? "", /^CALL +ENDPOINT +STATE +ATTEMPTS +AGE +NEXT IN +KEPT FOR$/);
    assert.deepEqual(
      rows.map((row) => row.split(" ")[0]),
      calls.toReversed(),
    );
    assert.match(rows[0] ?? "", /^\S+ +jobs +completed +1 +\d+[sm] +- +23h$/);
    assert.match(
      stderr,
      /^The newest 2 of \d+; -n lists more\.\n0 waiting, \d running, \d+ completed, 0 failed; .* stored\.\n$/,
    );
  }
  const none = await server.run(t, ["calls", "umbrella/other"]);
  assert.deepEqual([none.code, none.stdout], [0, ""]);
  assert.equal(
    none.stderr,
    'No asynchronous calls of umbrella/other. Send one with "faas invoke umbrella/other --async".\n',
  );
});

test("calls with one idempotency key are one call", async (t) => {
  const key = ["--idempotency-key", "k"];
  const first = await accepted(t, "/", ...key);
  const { stdout, stderr } = await server.run(t, ["invoke", "acme/jobs", "--async", ...key]);
  assert.equal(stdout, `${first}\n`);
  assert.match(stderr, new RegExp(`^An earlier call has this idempotency key: ${first}\\.$`, "m"));
});

test("a call with a delay waits, and retry delivers it now", async (t) => {
  const call = await accepted(t, "/", "--delay", "1h");
  assert.match(await output(t, ["calls", "show", call]), /^state +waiting for delivery 1 in 59m$/m);
  const response = await server.run(t, ["calls", "response", call]);
  assert.equal(response.code, 1);
  assert.match(response.stderr, /has not ended: waiting for delivery 1 in 59m\. See/);
  await output(t, ["calls", "retry", call]);
  assert.equal(JSON.parse(await output(t, ["calls", "response", call, "--wait"])).attempt, "1");
});

test("several calls are changed even if one of them does not exist", async (t) => {
  const [first, second] = [await accepted(t, "/", "--delay", "1h"), await accepted(t, "/", "--delay", "1h")];
  const { code, stderr } = await server.run(t, ["calls", "drop", first, "acme/gone", second]);
  assert.equal(code, 1);
  assert.match(stderr, /no asynchronous call "gone".*\(CALL_NOT_FOUND\)\nhint: run "faas calls" to see/);
  assert.match(stderr, /^Removed 2 calls\.$/m);
  for (const call of [first, second]) assert.equal((await server.run(t, ["calls", "show", call])).code, 1);
});

test("retry and drop with --failed change all failed calls, page by page, and leave others alone", async (t) => {
  await server.deploy("acme/failing", "export const handler = () => ({ status: 503 });\n");
  await output(t, ["config", "acme/failing", "async=attempts=1", "concurrency=100"]);
  const waiting = await output(t, ["invoke", "acme/failing", "--async", "--delay", "1h"]);
  const count = 101;
  const headers = { prefer: "respond-async" };
  await Promise.all(Array.from({ length: count }, () => fetch(`${server.url}/acme/failing`, { headers })));
  const failures = async () => (await listed(t, "acme/failing", "--state", "failed", "-n", "1000")).length;
  await eventually("all have failed", async () => (await failures()) === count);
  const retryAll = async () => {
    const { stderr } = await server.run(t, ["calls", "retry", "acme/failing", "--failed"]);
    assert.equal(stderr, `${count} calls of acme/failing will be delivered again now.\n`);
  };
  // Calls that fail again are not retried by the same command.
  await retryAll();
  await eventually("all have failed again", async () => (await failures()) === count);
  await output(t, ["config", "acme/failing", "async=failures=500"]);
  await retryAll();
  const completed = async () => (await listed(t, "acme/failing", "--state", "completed", "-n", "1000")).length;
  await eventually("all have completed", async () => (await completed()) === count);
  assert.match(
    (await server.run(t, ["calls", "retry", "acme/failing", "--failed"])).stderr,
    /^No failed calls of acme\/failing\.$/m,
  );
  assert.deepEqual(await listed(t, "acme/failing", "--state", "waiting"), [waiting.trim()]);
});

test("drop --failed asks before it removes, and needs --yes without a terminal", async (t) => {
  await server.deploy("acme/dead", "export const handler = () => ({ status: 503 });\n");
  await output(t, ["config", "acme/dead", "async=attempts=1"]);
  assert.equal((await server.run(t, ["invoke", "acme/dead", "--async", "--wait"])).code, 1);
  const drop = ["calls", "drop", "acme/dead", "--failed"];
  const unasked = await server.run(t, drop);
  assert.equal(unasked.code, 2);
  assert.match(unasked.stderr, /Not a terminal: pass --yes/);
  assert.match(
    (await server.run(t, drop, { typed: "n\n" })).stderr,
    /Remove 1 failed call of acme\/dead\? \[y\/N\] Nothing was removed/,
  );
  assert.equal((await listed(t, "acme/dead")).length, 1);
  assert.match((await server.run(t, [...drop, "--yes"])).stderr, /^Removed 1 call of acme\/dead\.$/m);
  assert.equal((await listed(t, "acme/dead")).length, 0);
  assert.equal((await server.run(t, drop, { typed: "y\n" })).stderr, "No failed calls of acme/dead.\n");
});

for (const [argv, code, expected] of [
  [
    ["calls", "show", "acme"],
    2,
    /Expected a call as ORG\/ID, got "acme" \(USAGE\)\nhint: run "faas calls" to list calls/,
  ],
  [["calls", "show", "acme/gone"], 1, /no asynchronous call "gone" in "acme" \(CALL_NOT_FOUND\)/],
  [["calls", "acem"], 1, /\(ORG_NOT_FOUND\)\nhint: did you mean "acme"\?/],
  [["calls", "retyr", "acme/1"], 2, /got "retyr acme\/1" \(USAGE\)\nhint: did you mean "retry"\?/],
  [["calls", "dorp", "acme/1"], 2, /got "dorp acme\/1" \(USAGE\)\n$/],
  [
    ["calls", "acme", "--state", "faild"],
    2,
    /`--state` option to be states of .*, got "faild"; did you mean "failed"\?/,
  ],
  [["calls", "retry"], 2, /missing required argument 'org\/id'/],
  [["calls", "retry", "acme", "umbrella", "--failed"], 2, /Expected one ORG or ORG\/ENDPOINT with --failed/],
  [["invoke", "acme/jobs", "--wait"], 2, /--wait requires --async/],
  [["invoke", "acme/jobs", "--delay", "1s"], 2, /--delay requires --async/],
  [
    ["invoke", "acme/jobs", "--async", "--delay", "soon"],
    2,
    /`--delay` option to be a duration such as 90s, got "soon"/,
  ],
  [["invoke", "--async", "--wait", "acme/jobs"], 2, /`--wait` option to be a duration .*, got "acme\/jobs"/],
  [["invoke", "acme/jobs", "--async", "--timing"], 2, /Expected --timing or --async, got both/],
  [["invoke", "acme/jbos", "--async"], 1, /\(ENDPOINT_NOT_FOUND\)\nhint: did you mean "acme\/jobs"\?/],
] as const)
  test(`a mistake is explained: faas ${argv.join(" ")}`, async (t) => {
    const result = await server.run(t, argv);
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, expected);
  });

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();

const CODE = (text: string) => `
import { setTimeout as delay } from "node:timers/promises";
export const handler = async () => { await delay(1); return ${JSON.stringify(text)}; };
`;
const STEPS = ["--canary", "50%,100%", "--every", "1s", "--max-error-rate", "20%", "--max-p95", "50x"];

/** Calls an endpoint until the work is done. */
async function whileCalled<T>(key: string, work: () => Promise<T>): Promise<T> {
  let isDone = false;
  const worker = async () => {
    while (!isDone) await fetch(`${server.url}/${key}`).then((response) => response.text());
  };
  const workers = Array.from({ length: 4 }, worker);
  try {
    return await work();
  } finally {
    isDone = true;
    await Promise.all(workers);
  }
}

const textOf = async (key: string) => (await fetch(`${server.url}/${key}`)).text();

test("deploy --canary waits until the revision has all calls, and describe says what it saw", async (t) => {
  await server.deploy("acme/good", CODE("old"));
  const folder = await server.source("acme-good", CODE("new"));
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "good", ...STEPS, "--every", "3s"];
  const { code, stderr } = await whileCalled("acme/good", () => server.run(t, argv));
  assert.equal(code, 0, stderr);
  assert.match(stderr, /50 % of the calls, step 1 of 2: /);
  assert.match(stderr, /canary .*revision [0-9a-f]{12} serves all calls/);
  assert.equal(await textOf("acme/good"), "new");
  const { stdout } = await server.run(t, ["describe", "acme/good"]);
  assert.match(stdout, /^canary +[0-9a-f]{12} in place of [0-9a-f]{12}: promoted, ended \d+s ago$/m);
  assert.match(stdout, /^ +old: \d+ calls, 0 failed, p95 [\d.]+ ms$/m);
  assert.match(stdout, /^ +more failed calls: -?[\d.]+ to [\d.]+ % \(limit 20 %\)$/m);
});

test("deploy --canary fails when the revision goes back", async (t) => {
  await server.deploy("acme/bad", CODE("old"));
  const folder = await server.source("acme-bad", "export const handler = () => { throw new Error('planned'); };\n");
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "bad", ...STEPS];
  const { code, stderr } = await whileCalled("acme/bad", () => server.run(t, argv));
  assert.equal(code, 1);
  assert.match(stderr, /CANARY_FAILED/);
  assert.match(stderr, /The canary went back to the previous revision: 100 % of \d+ calls failed/);
  assert.match(stderr, /The previous revision [0-9a-f]{12} still serves acme\/bad/);
  assert.equal(await textOf("acme/bad"), "old");
});

test("a canary continues after Ctrl-C or with --no-wait, until promote or rollback ends it", async (t) => {
  await server.deploy("acme/hand", CODE("old"));
  const folder = await server.source("acme-hand", CODE("new"));
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "hand", "--canary", "50,100"];
  assert.match((await server.run(t, ["promote", "acme/hand"])).stderr, /CANARY_NOT_FOUND/);
  const command = server.start(t, argv);
  await command.printed(/50 % of the calls/);
  command.interrupt();
  const { stderr } = await command.ended;
  assert.match(stderr, /The canary continues on the server: `faas describe acme\/hand` shows it/);
  const described = async () => (await server.run(t, ["describe", "acme/hand"])).stdout;
  assert.match(await described(), /: running, began \d+s ago\n +50 % of the calls, step 1 of 2: /);
  const back = await server.run(t, ["rollback", "acme/hand"]);
  assert.equal(back.code, 0, back.stderr);
  assert.match(back.stderr, /serves acme\/hand again, in place of/);
  assert.deepEqual([await textOf("acme/hand"), await textOf("acme/hand")], ["old", "old"]);

  const { code } = await server.run(t, [...argv, "--no-wait"]);
  assert.equal(code, 0);
  await eventually("its share", async () => /: running/.test(await described()));
  const promoted = await server.run(t, ["promote", "acme/hand"]);
  assert.equal(promoted.code, 0, promoted.stderr);
  assert.deepEqual([await textOf("acme/hand"), await textOf("acme/hand")], ["new", "new"]);
  assert.match(await described(), /: promoted/);
});

test("options of a canary are checked, and a new endpoint is deployed at once", async (t) => {
  const folder = await server.source("acme-first", CODE("first"));
  const deploy = (...more: readonly string[]) =>
    server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "first", ...more]);
  for (const [argv, expected] of [
    [["--canary", "50%"], /2 to 20 rising percentages/],
    [["--canary", "a,100"], /percentages such as 5%,25%,100%, got "a,100"/],
    [["--max-p95", "2x"], /are for `--canary`/],
    [["--canary", "5,100", "--max-p95", "fast"], /a factor such as 1.5x, got "fast"/],
    [["--canary", "5,100", "--every", "soon"], /a duration such as/],
    [["--canary", "5,100", "--preview"], /omit `--canary`/],
  ] as const) {
    const { code, stderr } = await deploy(...argv);
    assert.equal(code, 2, stderr);
    assert.match(stderr, expected);
  }
  const { code, stderr } = await deploy(...STEPS);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /No revision served before: it is deployed at once/);
});

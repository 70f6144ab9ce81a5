import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough, Writable } from "node:stream";
import { test } from "node:test";
import { main } from "./main.ts";
import { runHere } from "./testing/test-cli.ts";

const cwd = import.meta.dirname;
const NOWHERE = { FAAS_SERVER: "http://127.0.0.1:1" };

test("help goes to stdout, and names every command", async (t) => {
  const { code, stdout, stderr } = await runHere(t, ["--help"], { cwd });
  assert.deepEqual([code, stderr], [0, ""]);
  for (const verb of "up down init dev deploy invoke logs list describe remove bench doctor completion".split(" "))
    assert.match(stdout, new RegExp(`^  ${verb} `, "m"));
});

test("without a command the help goes to stderr, and the exit code is 2", async (t) => {
  const { code, stdout, stderr } = await runHere(t, [], { cwd });
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /Usage: faas/);
});

test("--version prints the version and nothing else", async (t) => {
  const { code, stdout } = await runHere(t, ["--version"], { cwd });
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

for (const argv of [
  ["help", "deploy"],
  ["deploy", "--help"],
]) {
  test(`faas ${argv.join(" ")} shows the options of deploy, and those of every command`, async (t) => {
    const { code, stdout } = await runHere(t, argv, { cwd });
    assert.equal(code, 0);
    assert.match(stdout, /--max-replicas <n>/);
    assert.match(stdout, /--server <url>/);
  });
}

for (const [argv, expected] of [
  [["deplyo"], /unknown command 'deplyo'\n\(Did you mean deploy\?\)/],
  [["deploy", "--replcas", "1"], /unknown option '--replcas'\n\(Did you mean --replicas\?\)/],
  [["invoke"], /missing required argument 'org\/endpoint/],
  [["list", "a", "b"], /too many arguments/],
  [
    ["list", "--server", "ftp://x"],
    /Expected the server's address to be a URL such as http.*got "ftp:\/\/x" \(USAGE\)/,
  ],
  [["list", "-o", "xml"], /Expected the `--output` option to be one of json, yaml, table, got "xml" \(USAGE\)/],
  [["list", "Acme"], /organization name .* got "Acme" \(USAGE\)/],
  [["invoke", "acme"], /Expected ORG\/ENDPOINT, got "acme"/],
  [["logs", "acme/x/y"], /Expected ORG\/ENDPOINT, got "acme\/x\/y"/],
  [["logs", "acme/x", "--since", "5"], /Expected the `--since` option to be a duration such as .* got "5"/],
  [
    ["bench", "acme/x", "--threads", "0"],
    /Expected the `--threads` option to be a whole number from 1 to 1000, got "0"/,
  ],
] as const) {
  test(`wrong usage says what was expected, and exits 2: faas ${argv.join(" ")}`, async (t) => {
    const { code, stdout, stderr } = await runHere(t, argv, { cwd, env: NOWHERE });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^error: /);
    assert.match(stderr, expected);
  });
}

test("without a server it says so, with the code and what to type", async (t) => {
  const { code, stdout, stderr } = await runHere(t, ["list"], { cwd, env: NOWHERE });
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /^error: No server answers at http:\/\/127\.0\.0\.1:1 .*\(SERVER_UNREACHABLE\)\nhint: .*"faas up/,
  );
});

test("--server wins over FAAS_SERVER", async (t) => {
  const { stderr } = await runHere(t, ["list", "--server", "http://127.0.0.1:2"], { cwd, env: NOWHERE });
  assert.match(stderr, /http:\/\/127\.0\.0\.1:2 /);
});

test("a stack trace is shown with --verbose alone", async (t) => {
  const [plain, verbose] = await Promise.all(
    [["list"], ["list", "--verbose"]].map((argv) => runHere(t, argv, { cwd, env: NOWHERE })),
  );
  assert.doesNotMatch(plain?.stderr ?? "", /\n\s+at /);
  assert.match(verbose?.stderr ?? "", /\n\s+at /);
});

test("something else that answers at the address is told from a faas server", async (t) => {
  const other = createServer((_, response) => response.end("<html>hello</html>")).listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const env = { FAAS_SERVER: `http://127.0.0.1:${(other.address() as AddressInfo).port}` };
  const { code, stderr } = await runHere(t, ["list"], { cwd, env });
  assert.equal(code, 1);
  assert.match(stderr, /is no faas server \(status 200\) \(SERVER_UNREACHABLE\)/);
});

/** Runs with streams of the test's own. */
function run(argv: string[], { env = {}, terminal = false, stdout = new PassThrough() as Writable } = {}) {
  const stderr = Object.assign(new PassThrough(), { isTTY: terminal });
  stderr.setEncoding("utf8");
  const io = { stdin: new PassThrough(), stdout, stderr, env, cwd, signal: new AbortController().signal, exitCode: 0 };
  return main(argv, io).then((code) => ({ code, stderr: String(stderr.read() ?? "") }));
}

test("NO_COLOR keeps a terminal free of colors", async () => {
  const color = "\u001b[";
  assert.ok((await run(["list"], { env: NOWHERE, terminal: true })).stderr.includes(color));
  assert.ok(!(await run(["list"], { env: { ...NOWHERE, NO_COLOR: "1" }, terminal: true })).stderr.includes(color));
});

const failing = (code: string) =>
  new Writable({ write: (_, __, done) => done(Object.assign(new Error(`write ${code}`), { code })) });

test("a reader that has enough (| head) ends it quietly", async () => {
  assert.deepEqual(await run(["completion", "bash"], { stdout: failing("EPIPE") }), { code: 0, stderr: "" });
});

test("an output that cannot be written is a failure", async () => {
  const { code, stderr } = await run(["completion", "bash"], { stdout: failing("ENOSPC") });
  assert.equal(code, 1);
  assert.match(stderr, /Standard output cannot be written: write ENOSPC/);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough, Writable } from "node:stream";
import { test } from "node:test";
import { main } from "./main.ts";
import { runHere } from "./testing/test-cli.ts";

const cwd = import.meta.dirname;
const NO_SERVER = { FAAS_SERVER: "http://127.0.0.1:1" };

test("--help prints every command on stdout", async (t) => {
  const { code, stdout, stderr } = await runHere(t, ["--help"], { cwd });
  assert.deepEqual([code, stderr], [0, ""]);
  for (const verb of "up down init dev deploy invoke logs list ps open describe remove whoami bench doctor completion".split(
    " ",
  ))
    assert.match(stdout, new RegExp(`^  ${verb}(, \\w+)? `, "m"));
});

for (const argv of [[], ["key"], ["secret"], ["org"]]) {
  test(`faas ${argv.join(" ")} prints its help on stdout`.replace("  ", " "), async (t) => {
    const { code, stdout, stderr } = await runHere(t, argv, { cwd });
    assert.deepEqual([code, stderr], [0, ""]);
    assert.ok(stdout.startsWith(["Usage: faas", ...argv].join(" ")), stdout);
  });
}

for (const [alias, command] of [
  ["ls", "list"],
  ["rm", "remove"],
] as const) {
  test(`faas ${alias} is short for faas ${command}`, async (t) => {
    const [short, long] = await Promise.all([alias, command].map((name) => runHere(t, [name, "--help"], { cwd })));
    assert.equal(short?.code, 0);
    assert.equal(short?.stdout, long?.stdout);
  });
}

test("--help lists no command that only scripts run", async (t) => {
  const { stdout } = await runHere(t, ["--help"], { cwd });
  assert.doesNotMatch(stdout, /completion-names/);
});

test("--version prints only the version", async (t) => {
  const { code, stdout } = await runHere(t, ["--version"], { cwd });
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

for (const argv of [
  ["help", "deploy"],
  ["deploy", "--help"],
]) {
  test(`faas ${argv.join(" ")} prints the options of deploy and the global ones`, async (t) => {
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
  test(`wrong usage exits 2: faas ${argv.join(" ")}`, async (t) => {
    const { code, stdout, stderr } = await runHere(t, argv, { cwd, env: NO_SERVER });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, /^error: /);
    assert.match(stderr, expected);
  });
}

test("list without a server prints the code and a hint", async (t) => {
  const { code, stdout, stderr } = await runHere(t, ["list"], { cwd, env: NO_SERVER });
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(
    stderr,
    /^error: No server responds at http:\/\/127\.0\.0\.1:1 .*\(SERVER_UNREACHABLE\)\nhint: .*"faas up/,
  );
});

test("--server overrides FAAS_SERVER", async (t) => {
  const { stderr } = await runHere(t, ["list", "--server", "http://127.0.0.1:2"], { cwd, env: NO_SERVER });
  assert.match(stderr, /http:\/\/127\.0\.0\.1:2 /);
});

test("only --verbose prints a stack trace", async (t) => {
  const [plain, verbose] = await Promise.all(
    [["list"], ["list", "--verbose"]].map((argv) => runHere(t, argv, { cwd, env: NO_SERVER })),
  );
  assert.doesNotMatch(plain?.stderr ?? "", /\n\s+at /);
  assert.match(verbose?.stderr ?? "", /\n\s+at /);
});

test("list reports a server that is not faas", async (t) => {
  const other = createServer((_, response) => response.end("<html>hello</html>")).listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const env = { FAAS_SERVER: `http://127.0.0.1:${(other.address() as AddressInfo).port}` };
  const { code, stderr } = await runHere(t, ["list"], { cwd, env });
  assert.equal(code, 1);
  assert.match(stderr, /is not a faas server \(status 200\) \(SERVER_UNREACHABLE\)/);
});

/** Runs with the streams of the test. */
function run(argv: string[], { env = {}, terminal = false, stdout = new PassThrough() as Writable } = {}) {
  const stderr = Object.assign(new PassThrough(), { isTTY: terminal });
  stderr.setEncoding("utf8");
  const io = { stdin: new PassThrough(), stdout, stderr, env, cwd, signal: new AbortController().signal, exitCode: 0 };
  return main(argv, io).then((code) => ({ code, stderr: String(stderr.read() ?? "") }));
}

test("NO_COLOR turns colors off on a terminal", async () => {
  const color = "\u001b[";
  assert.ok((await run(["list"], { env: NO_SERVER, terminal: true })).stderr.includes(color));
  assert.ok(!(await run(["list"], { env: { ...NO_SERVER, NO_COLOR: "1" }, terminal: true })).stderr.includes(color));
});

const failing = (code: string) =>
  new Writable({ write: (_, __, done) => done(Object.assign(new Error(`write ${code}`), { code })) });

test("a closed pipe (| head) ends a command without an error", async () => {
  assert.deepEqual(await run(["completion", "bash"], { stdout: failing("EPIPE") }), { code: 0, stderr: "" });
});

test("a failed write to standard output exits 1", async () => {
  const { code, stderr } = await run(["completion", "bash"], { stdout: failing("ENOSPC") });
  assert.equal(code, 1);
  assert.match(stderr, /Cannot write to standard output: write ENOSPC/);
});

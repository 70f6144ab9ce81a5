import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { main } from "../main.ts";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();

const ECHO = `export const handler = (event) => ({
  status: 200,
  headers: {
    "content-type": "application/octet-stream",
    "x-method": event.method,
    "x-path": event.path,
    "x-query": JSON.stringify(event.query),
    "x-type": event.headers["content-type"] ?? "none",
    "x-header": event.headers["x-my"] ?? "none",
  },
  body: event.body === null ? "" : typeof event.body === "string" || Buffer.isBuffer(event.body) ? event.body : JSON.stringify(event.body),
});
`;

/** A call of `/fail` makes the function cut its response to `/cut` short. */
const FAILING = `const cut = Promise.withResolvers();
export async function handler({ path }) {
  if (path === "/throws") throw new Error("no database");
  if (path === "/teapot") return { status: 418, body: "short and stout" };
  if (path === "/moved") return { status: 302, headers: { location: "/" } };
  if (path === "/package") return import("lodash");
  if (path === "/file") return (await import("node:fs/promises")).readFile(new URL("none.txt", import.meta.url));
  if (path === "/slow-body") return (async function* () { yield "a"; await new Promise((end) => setTimeout(end, 250)); })();
  if (path === "/ends") return setTimeout(() => process.exit(3), 250), new Promise(() => {});
  if (path === "/fail") return cut.resolve();
  if (path === "/cut") return (async function* () { yield "first"; await cut.promise; throw new Error("cut"); })();
  return (async function* () { yield "first"; await new Promise(() => {}); })();
}
`;

before(async () => {
  await server.deploy("acme/echo", ECHO);
  await server.deploy("acme/failing", FAILING);
});

/** Returns a header of the response that --include printed, with a part of the request. */
const seen = (stderr: string, name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(stderr)?.[1];

for (const [request, argv, input, expected] of [
  ["GET without data", [], undefined, ["GET", "none", ""]],
  ["JSON as POST", ["-d", '{"a":1}'], undefined, ["POST", "application/json", '{"a":1}']],
  ["text as POST", ["-d", "a=1"], undefined, ["POST", "text/plain; charset=utf-8", "a=1"]],
  ["the method of --method", ["-d", "x", "-X", "put"], undefined, ["PUT", "text/plain; charset=utf-8", "x"]],
  ["the given content type", ["-d", "x", "-H", "Content-Type: text/csv"], undefined, ["POST", "text/csv", "x"]],
  ["JSON from standard input", ["-d", "-"], '{"b":2}\n', ["POST", "application/json", '{"b":2}']],
  ["text from standard input", ["-d", "-"], "hello\n", ["POST", "text/plain; charset=utf-8", "hello\n"]],
] as const) {
  test(`invoke sends ${request} and prints only the response body on stdout`, async (t) => {
    const options = input === undefined ? {} : { input };
    const { code, stdout, stderr } = await server.run(t, ["invoke", "acme/echo", "--include", ...argv], options);
    assert.equal(code, 0, stderr);
    assert.deepEqual([seen(stderr, "x-method"), seen(stderr, "x-type"), stdout], expected);
  });
}

test("invoke sends path, query and headers, and encodes characters that HTTP does not allow", async (t) => {
  const argv = ["invoke", "acme/echo/a b%2F/ü?x=1&x=2", "-i", "-H", "X-My: one", "-H", "x-my: two"];
  const { stderr } = await server.run(t, argv);
  assert.equal(seen(stderr, "x-path"), "/a%20b%2F/%C3%BC");
  assert.equal(seen(stderr, "x-query"), '{"x":["1","2"]}');
  assert.equal(seen(stderr, "x-header"), "one, two");
});

/** Runs with bytes instead of text. */
async function bytesOf(argv: string[], input?: Buffer): Promise<Buffer> {
  const stdin = new PassThrough();
  stdin.end(input);
  const stdout = new PassThrough({ highWaterMark: 2 ** 24 });
  const stderr = new PassThrough();
  const signal = new AbortController().signal;
  const env = { FAAS_SERVER: server.url };
  assert.equal(await main(argv, { stdin, stdout, stderr, env, cwd: server.folder, signal, exitCode: 0 }), 0);
  return stdout.read() ?? Buffer.alloc(0);
}

const binary = randomBytes(1024 * 1024);

test("invoke sends a file and prints the response byte for byte", async () => {
  await writeFile(join(server.folder, "data.bin"), binary);
  assert.ok((await bytesOf(["invoke", "acme/echo", "--data", "@data.bin"])).equals(binary));
});

test("invoke sends standard input and prints the response byte for byte", async () => {
  for (const input of [binary, binary.subarray(0, 1000), Buffer.alloc(0)])
    assert.ok((await bytesOf(["invoke", "acme/echo", "--data", "-"], input)).equals(input));
});

test("invoke derives the content type from the extension of a file", async (t) => {
  await writeFile(join(server.folder, "data.csv"), "a;b\n");
  const { stderr } = await server.run(t, ["invoke", "acme/echo", "-i", "--data", "@data.csv"]);
  assert.equal(seen(stderr, "x-type"), "text/csv");
});

test("invoke reads a pipe, such as a shell's <(command)", async (t) => {
  const pipe = join(server.folder, "pipe");
  await promisify(execFile)("mkfifo", [pipe]);
  const [{ stdout, stderr }] = await Promise.all([
    server.run(t, ["invoke", "acme/echo", "-i", "--data", "@pipe"]),
    writeFile(pipe, '{"a":1}'),
  ]);
  assert.deepEqual([seen(stderr, "x-type"), stdout], ["application/json", '{"a":1}']);
});

for (const [argv, expected] of [
  [["-d", "@gone.json"], /Expected the `--data` option to name a file after the @: .*gone\.json is not a file/],
  [["-d", "@"], /Expected the `--data` option to be text, @file or -, got "@"/],
  [["-X", "G ET"], /Expected the `--method` option to be a method such as GET or POST, got "G ET"/],
  [["-H", "nothing"], /Expected the `--header` option to be "Name: value", got "nothing"/],
  [["-H", "a: b\nc"], /Cannot send the request/],
] as const) {
  test(`wrong usage: invoke ${JSON.stringify(argv)}`, async (t) => {
    const { code, stdout, stderr } = await server.run(t, ["invoke", "acme/echo", ...argv]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, expected);
  });
}

test("invoke of a function that throws prints its message and a pointer to the logs, and exits 1", async (t) => {
  const { code, stdout, stderr } = await server.run(t, ["invoke", "acme/failing/throws"]);
  assert.equal(code, 1);
  assert.equal(JSON.parse(stdout).code, "FUNCTION_ERROR");
  assert.match(stderr, /^error: no database \(FUNCTION_ERROR\)\nhint: run "faas logs acme\/failing"/);
});

for (const [path, expected] of [
  [
    "package",
    /^error: Cannot find package 'lodash' imported from index\.mjs\. Add "lodash" to "dependencies" in package\.json \(/,
  ],
  ["file", /^error: ENOENT: no such file or directory, open 'none\.txt' \(/],
] as const)
  test(`the error of a call has the author's own paths, and advice: ${path}`, async (t) => {
    const { stdout, stderr } = await server.run(t, ["invoke", `acme/failing/${path}`]);
    assert.match(stderr, expected);
    assert.ok(!stdout.includes(server.folder), stdout);
  });

for (const [path, body, expected] of [
  ["teapot", "short and stout", "error: acme/failing responded with 418 I'm a Teapot\n"],
  ["moved", "", "error: acme/failing responded with 302 Found\n"],
] as const) {
  test(`invoke prints the body of a response that is not 2xx (${path}), and exits 1`, async (t) => {
    const { code, stdout, stderr } = await server.run(t, ["invoke", `acme/failing/${path}`]);
    assert.deepEqual([code, stdout, stderr], [1, body, expected]);
  });
}

test("invoke reports a response that is cut short", async (t) => {
  const invoking = server.start(t, ["invoke", "acme/failing/cut"]);
  await invoking.printed(/first/);
  await server.run(t, ["invoke", "acme/failing/fail"]);
  const { code, stdout, stderr } = await invoking.ended;
  assert.deepEqual([code, stdout], [1, "first"]);
  assert.match(stderr, /The connection was lost after 5 bytes of the response \(ANSWER_INCOMPLETE\)/);
});

for (const typo of ["acme/ehco", "amce/echo"]) {
  test(`invoke suggests an endpoint for a mistyped one: ${typo}`, async (t) => {
    const { code, stderr } = await server.run(t, ["invoke", typo]);
    assert.equal(code, 1);
    assert.match(stderr, /_NOT_FOUND\)\nhint: did you mean "acme\/echo"\?/);
  });
}

test("invoke --timing prints the time it took", async (t) => {
  const { stdout, stderr } = await server.run(t, ["invoke", "acme/echo", "--timing", "-d", "x"]);
  assert.equal(stdout, "x");
  assertAccounted(stderr);
});

/** Checks that the parts of --timing add up to its total. */
function assertAccounted(text: string): void {
  const [, total = "", parts = ""] = /^total (\d+\.\d) ms(?: \(cold start\))?: (.*)$/m.exec(text) ?? [];
  const names = Array.from(parts.matchAll(/(\w+) \d/g), ([, name]) => name);
  assert.deepEqual(names, ["queue", "cold", "exec", "body", "network"], text);
  const sum = Array.from(parts.matchAll(/(\d+\.\d) ms/g), ([, ms]) => Number(ms)).reduce((a, b) => a + b);
  // Six numbers are rounded.
  assert.ok(Math.abs(sum - Number(total)) < 0.31, text);
}

test("invoke --timing accounts for the time of a body that comes later, and of a replica that ends", async (t) => {
  const slow = await server.run(t, ["invoke", "acme/failing/slow-body", "--timing"]);
  assertAccounted(slow.stderr);
  assert.ok(Number(/body (\d+\.\d)/.exec(slow.stderr)?.[1]) > 200, slow.stderr);
  const ends = await server.run(t, ["invoke", "acme/failing/ends", "--timing"]);
  assertAccounted(ends.stderr);
  assert.ok(Number(/exec (\d+\.\d)/.exec(ends.stderr)?.[1]) > 200, ends.stderr);
});

test("invoke of a GET that ends its replica does not end a second one", async (t) => {
  await server.deploy("acme/ends", "export const handler = ({ path }) => (path === '/' ? 1 : process.exit(3));\n");
  const { code, stderr } = await server.run(t, ["invoke", "acme/ends/now"]);
  assert.equal(code, 1);
  assert.match(stderr, /ended with exit code 3 while it served \(REPLICA_EXITED\)/);
  assert.equal((await server.run(t, ["invoke", "acme/ends"])).code, 0);
  const { stdout } = await server.run(t, ["logs", "acme/ends"]);
  assert.equal(stdout.match(/^\[faas\] replica \S+: .* exit code 3/gm)?.length, 1, stdout);
});

test("invoke explains a failure once on a terminal, and prints the problem document elsewhere", async (t) => {
  const stdout = Object.assign(new PassThrough(), { isTTY: true });
  const stderr = new PassThrough();
  const io = { stdin: new PassThrough(), stdout, stderr, env: { FAAS_SERVER: server.url }, cwd: server.folder };
  const { signal } = new AbortController();
  assert.equal(await main(["invoke", "acme/failing/throws"], { ...io, signal, exitCode: 0 }), 1);
  assert.equal(stdout.read(), null);
  assert.equal(String(stderr.read()).split("no database").length, 2);
  assert.match((await server.run(t, ["invoke", "acme/failing/throws"])).stdout, /"detail":"no database"/);
});

test("invoke streams the body, and exits 130 after Ctrl-C", async (t) => {
  const invoking = server.start(t, ["invoke", "acme/failing/endless"]);
  await invoking.printed(/first/);
  invoking.interrupt();
  const { code, stdout, stderr } = await invoking.ended;
  assert.deepEqual([code, stdout, stderr], [130, "first", ""]);
});

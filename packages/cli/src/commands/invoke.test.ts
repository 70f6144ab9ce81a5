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

const FAILING = `export async function handler({ path }) {
  if (path === "/throws") throw new Error("no database");
  if (path === "/teapot") return { status: 418, body: "short and stout" };
  if (path === "/moved") return { status: 302, headers: { location: "/" } };
  if (path === "/cut") return (async function* () { yield "first"; await new Promise((go) => setTimeout(go, 50)); throw new Error("cut"); })();
  return (async function* () { yield "first"; await new Promise(() => {}); })();
}
`;

before(async () => {
  await server.deploy("acme/echo", ECHO);
  await server.deploy("acme/failing", FAILING);
});

/** What the function was sent, by --include. */
const seen = (stderr: string, name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(stderr)?.[1];

for (const [what, argv, input, expected] of [
  ["nothing is a GET", [], undefined, ["GET", "none", ""]],
  ["JSON is posted as JSON", ["-d", '{"a":1}'], undefined, ["POST", "application/json", '{"a":1}']],
  ["text is posted as text", ["-d", "a=1"], undefined, ["POST", "text/plain; charset=utf-8", "a=1"]],
  ["--method wins", ["-d", "x", "-X", "put"], undefined, ["PUT", "text/plain; charset=utf-8", "x"]],
  ["a type that is given wins", ["-d", "x", "-H", "Content-Type: text/csv"], undefined, ["POST", "text/csv", "x"]],
  ["JSON from standard input is JSON", ["-d", "-"], '{"b":2}\n', ["POST", "application/json", '{"b":2}']],
  ["text from standard input is text", ["-d", "-"], "hello\n", ["POST", "text/plain; charset=utf-8", "hello\n"]],
] as const) {
  test(`${what}; the body of the answer is all of stdout`, async (t) => {
    const options = input === undefined ? {} : { input };
    const { code, stdout, stderr } = await server.run(t, ["invoke", "acme/echo", "--include", ...argv], options);
    assert.equal(code, 0, stderr);
    assert.deepEqual([seen(stderr, "x-method"), seen(stderr, "x-type"), stdout], expected);
  });
}

test("path, query and headers reach the function; what HTTP does not take is encoded", async (t) => {
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

test("a file goes to the function and comes back byte for byte", async () => {
  await writeFile(join(server.folder, "data.bin"), binary);
  assert.ok((await bytesOf(["invoke", "acme/echo", "--data", "@data.bin"])).equals(binary));
});

test("standard input goes to the function and comes back byte for byte", async () => {
  for (const input of [binary, binary.subarray(0, 1000), Buffer.alloc(0)])
    assert.ok((await bytesOf(["invoke", "acme/echo", "--data", "-"], input)).equals(input));
});

test("the extension of a file says its type", async (t) => {
  await writeFile(join(server.folder, "data.csv"), "a;b\n");
  const { stderr } = await server.run(t, ["invoke", "acme/echo", "-i", "--data", "@data.csv"]);
  assert.equal(seen(stderr, "x-type"), "text/csv");
});

test("a pipe is a file to read from, as a shell's <(command) is one", async (t) => {
  const pipe = join(server.folder, "pipe");
  await promisify(execFile)("mkfifo", [pipe]);
  const [{ stdout, stderr }] = await Promise.all([
    server.run(t, ["invoke", "acme/echo", "-i", "--data", "@pipe"]),
    writeFile(pipe, '{"a":1}'),
  ]);
  assert.deepEqual([seen(stderr, "x-type"), stdout], ["application/json", '{"a":1}']);
});

for (const [argv, expected] of [
  [["-d", "@gone.json"], /Expected the `--data` option to name a file after the @, and .*gone\.json is none/],
  [["-d", "@"], /Expected the `--data` option to be text, @file or -, got "@"/],
  [["-X", "G ET"], /Expected the `--method` option to be a method such as GET or POST, got "G ET"/],
  [["-H", "nothing"], /Expected the `--header` option to be "Name: value", got "nothing"/],
  [["-H", "a: b\nc"], /cannot be sent/],
] as const) {
  test(`wrong usage exits 2: invoke ${JSON.stringify(argv)}`, async (t) => {
    const { code, stdout, stderr } = await server.run(t, ["invoke", "acme/echo", ...argv]);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, expected);
  });
}

test("a function that threw: the problem on stdout, its message and where to read on on stderr, exit code 1", async (t) => {
  const { code, stdout, stderr } = await server.run(t, ["invoke", "acme/failing/throws"]);
  assert.equal(code, 1);
  assert.equal(JSON.parse(stdout).code, "FUNCTION_ERROR");
  assert.match(stderr, /^error: no database \(FUNCTION_ERROR\)\nhint: "faas logs acme\/failing"/);
});

for (const [path, body, expected] of [
  ["teapot", "short and stout", "error: acme/failing answered 418 I'm a Teapot\n"],
  ["moved", "", "error: acme/failing answered 302 Found\n"],
] as const) {
  test(`an answer that is not 2xx (${path}) exits 1, says why, and still prints the body`, async (t) => {
    const { code, stdout, stderr } = await server.run(t, ["invoke", `acme/failing/${path}`]);
    assert.deepEqual([code, stdout, stderr], [1, body, expected]);
  });
}

test("an answer that breaks off is told", async (t) => {
  const { code, stdout, stderr } = await server.run(t, ["invoke", "acme/failing/cut"]);
  assert.deepEqual([code, stdout], [1, "first"]);
  assert.match(stderr, /The connection broke after 5 bytes of the answer \(ANSWER_INCOMPLETE\)/);
});

for (const typo of ["acme/ehco", "amce/echo"]) {
  test(`a mistyped endpoint gets a suggestion: ${typo}`, async (t) => {
    const { code, stderr } = await server.run(t, ["invoke", typo]);
    assert.equal(code, 1);
    assert.match(stderr, /_NOT_FOUND\)\nhint: did you mean "acme\/echo"\?/);
  });
}

test("--timing tells how long it took", async (t) => {
  const { stdout, stderr } = await server.run(t, ["invoke", "acme/echo", "--timing", "-d", "x"]);
  assert.equal(stdout, "x");
  assert.match(stderr, /^total \d+\.\d ms.*exec \d+\.\d ms/);
});

test("the body streams as it comes, and Ctrl-C ends it with 130", async (t) => {
  const invoking = server.start(t, ["invoke", "acme/failing/endless"]);
  await invoking.printed(/first/);
  invoking.interrupt();
  const { code, stdout, stderr } = await invoking.ended;
  assert.deepEqual([code, stdout, stderr], [130, "first", ""]);
});

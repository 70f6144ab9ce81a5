import assert from "node:assert/strict";
import { before, test } from "node:test";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();

before(async () => {
  await server.deploy(
    "acme/chatty",
    'export const handler = ({ body }) => { console.log("got", body); return body; };\n',
  );
  for (const body of ["one", "two", "three"])
    await fetch(`${server.url}/acme/chatty`, { method: "POST", body, headers: { "content-type": "text/plain" } });
});

test("logs prints only the function's output on stdout, oldest first", async (t) => {
  const { code, stdout, stderr } = await server.run(t, ["logs", "acme/chatty"]);
  assert.deepEqual([code, stdout, stderr], [0, "got one\ngot two\ngot three\n", ""]);
});

test("logs --tail prints the last lines", async (t) => {
  assert.equal((await server.run(t, ["logs", "acme/chatty", "--tail", "2"])).stdout, "got two\ngot three\n");
});

test("logs --timestamps prints time and replica, and --replica selects one", async (t) => {
  const { stdout } = await server.run(t, ["logs", "acme/chatty", "--timestamps", "--tail", "1"]);
  const [, replica = ""] = /^\d{4}-\d\d-\d\dT[\d:.]+Z (\S+) got three\n$/.exec(stdout) ?? assert.fail(stdout);
  assert.match((await server.run(t, ["logs", "acme/chatty", "--replica", replica])).stdout, /^got one\n/);
  assert.equal((await server.run(t, ["logs", "acme/chatty", "--replica", "other"])).stdout, "");
});

test("logs --since omits older lines", async (t) => {
  assert.match((await server.run(t, ["logs", "acme/chatty", "--since", "1h"])).stdout, /got one/);
  assert.equal((await server.run(t, ["logs", "acme/chatty", "--since", "0s"])).stdout, "");
});

test("logs --follow prints new lines, and exits 130 after Ctrl-C", async (t) => {
  await server.deploy("acme/followed", "export const handler = ({ path }) => { console.log(path); };\n");
  await fetch(`${server.url}/acme/followed/before`);
  const following = server.start(t, ["logs", "acme/followed", "--follow"]);
  await following.printed(/^\/before$/m);
  await fetch(`${server.url}/acme/followed/after`);
  await following.printed(/^\/after$/m);
  following.interrupt();
  const { code, stdout, stderr } = await following.ended;
  assert.deepEqual([code, stdout, stderr], [130, "/before\n/after\n", ""]);
});

test("logs suggests an endpoint for a mistyped one", async (t) => {
  const { code, stderr } = await server.run(t, ["logs", "acme/chaty"]);
  assert.equal(code, 1);
  assert.match(stderr, /\(ENDPOINT_NOT_FOUND\)\nhint: did you mean "acme\/chatty"\?/);
});

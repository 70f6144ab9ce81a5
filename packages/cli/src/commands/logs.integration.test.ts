import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import { startHere } from "../testing/test-cli.ts";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();
/** Ids of the calls in their order. */
const ids: string[] = [];

before(async () => {
  await server.deploy(
    "acme/chatty",
    `export const handler = ({ body }) => {
      console.log("got", body);
      return body === "three" ? { status: 503, body } : body;
    };\n`,
  );
  for (const body of ["one", "two", "three"]) {
    const url = `${server.url}/acme/chatty/items?token=secret`;
    const response = await fetch(url, { method: "POST", body, headers: { "content-type": "text/plain" } });
    ids.push(response.headers.get("x-request-id") ?? "");
  }
});

test("logs prints the function's output unchanged and a line for each call, oldest first", async (t) => {
  const { code, stdout, stderr } = await server.run(t, ["logs", "acme/chatty"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const line = (status: number, id = "") => `POST /items ${status} [\\d.]+ ms ${id}`;
  const calls = [line(200, ids[0]), line(200, ids[1]), line(503, ids[2])];
  assert.match(stdout, new RegExp(`^got one\n${calls[0]}\ngot two\n${calls[1]}\ngot three\n${calls[2]}\n$`));
});

test("logs --no-access prints only the function's output", async (t) => {
  const { stdout } = await server.run(t, ["logs", "acme/chatty", "--no-access"]);
  assert.equal(stdout, "got one\ngot two\ngot three\n");
});

test("logs --request-id finds a call and its output by the X-Request-Id of its response alone", async (t) => {
  const { stdout } = await server.run(t, ["logs", "acme/chatty", "--request-id", ids[2] ?? "", "-o", "json"]);
  const lines = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const call = lines.find(({ stream }) => stream === "access");
  assert.deepEqual(
    [call.requestId, call.access.method, call.access.path, call.access.status],
    [ids[2], "POST", "/items", 503],
  );
  assert.deepEqual(
    lines.map(({ stream, requestId }) => [stream, requestId]),
    [
      ["stdout", ids[2]],
      ["access", ids[2]],
    ],
  );
  assert.equal(lines[0].line, "got three");
});

test("logs --status, --level and --grep select lines", async (t) => {
  const selected = async (...options: string[]) =>
    (await server.run(t, ["logs", "acme/chatty", ...options])).stdout.replaceAll(/ [\d.]+ ms .*/g, "");
  assert.equal(await selected("--status", "5xx"), "POST /items 503\n");
  assert.equal(await selected("--status", "200,404", "--tail", "1"), "POST /items 200\n");
  assert.equal(await selected("--level", "error"), "POST /items 503\n");
  assert.equal(await selected("--grep", "GOT t"), "got two\ngot three\n");
});

test("logs rejects an invalid status, and so does the server", async (t) => {
  const { code, stderr } = await server.run(t, ["logs", "acme/chatty", "--status", "600"]);
  assert.equal(code, 2);
  assert.match(stderr, /`--status` option to be statuses such as 404 or 4xx,503, got "600"/);
  for (const query of ["status=600", "level=loud"]) {
    const response = await fetch(`${server.url}/-/orgs/acme/endpoints/chatty/logs?${query}`);
    assert.equal(response.status, 400);
  }
});

test("the API shows only what the function printed unless calls are requested", async () => {
  const lines = async (query: string) =>
    (await (await fetch(`${server.url}/-/orgs/acme/endpoints/chatty/logs${query}`)).text()).trimEnd().split("\n")
      .length;
  assert.deepEqual([await lines(""), await lines("?access=true")], [3, 6]);
});

test("logs --tail prints the last lines", async (t) => {
  const { stdout } = await server.run(t, ["logs", "acme/chatty", "--tail", "2"]);
  assert.match(stdout, /^got three\nPOST \/items 503 .*\n$/);
});

test("logs --timestamps prints time and replica, and --replica selects one", async (t) => {
  const { stdout } = await server.run(t, ["logs", "acme/chatty", "--no-access", "--timestamps", "--tail", "1"]);
  const [, replica = ""] = /^\d{4}-\d\d-\d\dT[\d:.]+Z (\S+) got three\n$/.exec(stdout) ?? assert.fail(stdout);
  const { stdout: lines } = await server.run(t, ["logs", "acme/chatty", "--replica", replica]);
  assert.match(lines, /^got one\nPOST \/items 200 /);
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
  await following.printed(/^GET \/before 204 /m);
  await fetch(`${server.url}/acme/followed/after`);
  await following.printed(/^(?:\/after\n(?:.*\n)*GET \/after 204 |GET \/after 204 .*\n(?:.*\n)*\/after\n)/m);
  following.interrupt();
  const { code, stdout, stderr } = await following.ended;
  assert.deepEqual([code, stderr], [130, ""]);
  // Printed lines and the line of the call reach the server by different paths, so their order varies.
  assert.deepEqual(
    stdout
      .replaceAll(/ 204 .*/g, "")
      .trimEnd()
      .split("\n")
      .sort(),
    ["/after", "/before", "GET /after", "GET /before"],
  );
});

test("up --access-log off records no calls", async (t) => {
  const up = startHere(
    t,
    ["up", "--access-log", "off", "--log-level", "silent", "--port", "0", "--data", join(server.folder, "off")],
    { cwd: server.folder },
  );
  const [url = ""] = await up.printed(/^http:\S+(?=\n)/m);
  const env = { FAAS_SERVER: url };
  const source = await server.source("quiet", 'export const handler = () => { console.log("called"); };\n');
  assert.equal((await server.run(t, ["deploy", source, "--org", "acme", "--endpoint", "quiet"], { env })).code, 0);
  await fetch(`${url}/acme/quiet`);
  assert.equal((await server.run(t, ["logs", "acme/quiet"], { env })).stdout, "called\n");
});

test("logs suggests an endpoint for a mistyped one", async (t) => {
  const { code, stderr } = await server.run(t, ["logs", "acme/chaty"]);
  assert.equal(code, 1);
  assert.match(stderr, /\(ENDPOINT_NOT_FOUND\)\nhint: did you mean "acme\/chatty"\?/);
});

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { testServer } from "../test-server.ts";

const server = await testServer();

before(() =>
  server.deploy(
    "acme/target",
    `export function handler({ method, path, body, headers }) {
  if (path === "/throws") throw new Error("no");
  if (path === "/post" && (method !== "POST" || body?.size !== 3 || headers["x-my"] !== "1")) throw new Error("not what was asked for");
  return "ok";
}
`,
  ),
);

test("requests, errors, percentiles and a histogram are on stdout", async (t) => {
  const argv = ["bench", "acme/target", "--threads", "2", "--iterations", "5"];
  const { code, stdout, stderr } = await server.run(t, argv);
  assert.deepEqual([code, stderr], [0, ""]);
  for (const line of [/^requests +10, /m, /^errors +none$/m, /^latency +min .* p50 .* p99 .* max /m, /\| +\d+ #+/])
    assert.match(stdout, line);
});

test("--output json is data", async (t) => {
  const argv = ["bench", "acme/target", "--threads", "2", "--iterations", "3", "--output", "json"];
  const { count, errors, latencyMs } = JSON.parse((await server.run(t, argv)).stdout);
  assert.deepEqual([count, errors], [6, {}]);
  assert.ok(latencyMs.p50 > 0 && latencyMs.p50 <= latencyMs.max);
});

test("body and headers are sent with every request", async (t) => {
  const argv = [
    "bench",
    "acme/target/post",
    "-d",
    '{"size":3}',
    "-H",
    "X-My: 1",
    "--threads",
    "2",
    "--iterations",
    "2",
  ];
  const { code, stdout } = await server.run(t, argv);
  assert.equal(code, 0, stdout);
});

test("answers that fail are counted by status, and the exit code is 1", async (t) => {
  const argv = ["bench", "acme/target/throws", "--threads", "1", "--iterations", "4", "--output", "json"];
  const { code, stdout } = await server.run(t, argv);
  assert.equal(code, 1);
  assert.deepEqual(JSON.parse(stdout).errors, { 500: 4 });
});

test("a mistyped endpoint is told before anything is measured", async (t) => {
  const { code, stdout, stderr } = await server.run(t, ["bench", "acme/tarket"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /did you mean "acme\/target"/);
});

test("Ctrl-C ends it with 130", async (t) => {
  const { start } = server;
  const benching = start(t, ["bench", "acme/target", "--threads", "1", "--iterations", "1000000"], { typed: "" });
  await benching.printed(/\d%/);
  benching.interrupt();
  assert.equal((await benching.ended).code, 130);
});

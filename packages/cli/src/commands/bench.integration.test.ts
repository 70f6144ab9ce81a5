import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { tempDir } from "@faas/testing";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();

before(() =>
  server.deploy(
    "acme/target",
    `export function handler({ method, path, body, headers }) {
  if (path === "/throws") throw new Error("no");
  if (path === "/busy") return { status: 503, body: "come back later\\nplease" };
  if (path === "/post" && (method !== "POST" || body?.size !== 3 || headers["x-my"] !== "1")) throw new Error("unexpected request");
  return "ok";
}
`,
  ),
);

test("bench prints requests, errors, percentiles and a histogram on stdout", async (t) => {
  const argv = ["bench", "acme/target", "--threads", "2", "--iterations", "5"];
  const { code, stdout, stderr } = await server.run(t, argv);
  assert.deepEqual([code, stderr], [0, ""]);
  for (const line of [/^requests +10, /m, /^errors +none$/m, /^latency +min .* p50 .* p99 .* max /m, /\| +\d+ #+/])
    assert.match(stdout, line);
});

test("bench --output json prints data", async (t) => {
  const argv = ["bench", "acme/target", "--threads", "2", "--iterations", "3", "--output", "json"];
  const { count, errors, latencyMs } = JSON.parse((await server.run(t, argv)).stdout);
  assert.deepEqual([count, errors], [6, {}]);
  assert.ok(latencyMs.p50 > 0 && latencyMs.p50 <= latencyMs.max);
});

test("bench --cold measures cold starts with their stages and restores the settings", async (t) => {
  const idleTimeout = async () =>
    JSON.parse((await server.run(t, ["describe", "acme/target", "-o", "json"])).stdout).settings.idleTimeout;
  const before = await idleTimeout();
  const { code, stdout, stderr } = await server.run(t, ["bench", "acme/target", "--cold", "2"]);
  assert.deepEqual([code, stderr], [0, ""]);
  for (const line of [
    /^requests +2, /m,
    /^cold +2: /m,
    /^process +[\d.]+ ms +[\d.]+ ms +2$/m,
    /^ready +[\d.]+ ms +[\d.]+ ms +2$/m,
  ])
    assert.match(stdout, line);
  assert.equal(await idleTimeout(), before);
});

test("bench sends body and headers with every request", async (t) => {
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

test("bench counts failed requests by status and exits 1", async (t) => {
  const argv = ["bench", "acme/target/throws", "--threads", "1", "--iterations", "4", "--output", "json"];
  const { code, stdout } = await server.run(t, argv);
  assert.equal(code, 1);
  const { errors, reasons } = JSON.parse(stdout);
  assert.deepEqual([errors, reasons], [{ 500: 4 }, { "500 FUNCTION_ERROR: no": 4 }]);
});

test("bench says why calls failed", async (t) => {
  const argv = ["bench", "acme/target", "--threads", "1", "--iterations", "2"];
  const thrown = await server.run(t, argv.with(1, "acme/target/throws"));
  assert.match(thrown.stdout, /^errors +2 x 500\n +2 x 500 FUNCTION_ERROR: no$/m);
  const own = await server.run(t, argv.with(1, "acme/target/busy"));
  assert.match(own.stdout, /^errors +2 x 503\n +2 x 503 come back later$/m);
});

test("bench rejects a mistyped endpoint before the measurement", async (t) => {
  const { code, stdout, stderr } = await server.run(t, ["bench", "acme/tarket"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /did you mean "acme\/target"/);
});

test("bench --rate sends requests when they are due, for the given duration", async (t) => {
  const dir = tempDir("bench-report");
  const argv = ["bench", "acme/target", "--rate", "100", "--duration", "600ms", "--output", "json", "--report", dir];
  const { count, errors } = JSON.parse((await server.run(t, argv)).stdout);
  assert.deepEqual([count, errors], [60, {}]);
  const [run] = JSON.parse(await readFile(join(dir, "result.json"), "utf8")).runs;
  assert.deepEqual(
    run.requests.slice(0, 3).map(({ startMs }: { startMs: number }) => startMs),
    [0, 10, 20],
  );
  assert.ok(run.replicas.length > 0, "ready replicas are sampled");
});

test("bench rejects --rate with --threads", async (t) => {
  const { code, stderr } = await server.run(t, ["bench", "acme/target", "--rate", "10", "--threads", "2"]);
  assert.equal(code, 2);
  assert.match(stderr, /'--rate <n>' cannot be used with option '--threads <n>'/);
});

test("bench measures any URL, and compares it with an endpoint", async (t) => {
  const url = `${server.url}/acme/target/other`;
  const load = ["--threads", "1", "--iterations", "10", "--output", "json"];
  assert.equal(JSON.parse((await server.run(t, ["bench", "--target", url, ...load])).stdout).count, 10);
  const both = JSON.parse((await server.run(t, ["bench", "acme/target", "--vs", url, ...load])).stdout);
  assert.deepEqual([both["acme/target"].count, both[url].count], [10, 10]);
});

test("bench does not count warm-up requests", async (t) => {
  const argv = ["bench", "acme/target", "--threads", "2", "--iterations", "3", "--warmup", "7", "--output", "json"];
  assert.equal(JSON.parse((await server.run(t, argv)).stdout).count, 6);
});

test("bench --report writes a page, charts and a result, which bench compare reads", async (t) => {
  const dir = tempDir("bench-report");
  const argv = ["bench", "acme/target", "--threads", "2", "--iterations", "20", "--report", dir];
  const { code, stderr } = await server.run(t, argv);
  assert.equal(code, 0, stderr);
  const charts = ["latency-over-time", "latency-histogram", "percentiles"].flatMap((name) => [
    `${name}.svg`,
    `${name}.png`,
  ]);
  assert.deepEqual((await readdir(dir)).sort(), [...charts, "report.html", "result.json"].sort());
  const result = join(dir, "result.json");
  const [run] = JSON.parse(await readFile(result, "utf8")).runs;
  assert.equal(run.requests.length, 40);
  assert.ok(run.requests.every((request: { replica: string }) => request.replica.startsWith("target-")));

  const same = await server.run(t, ["bench", "compare", result, result, "--fail-if", "p99>+20%"]);
  assert.deepEqual([same.code, same.stderr], [0, ""]);
  assert.match(same.stdout, /^acme\/target +p99 .* \+0\.0%$/m);
  const worse = await server.run(t, ["bench", "compare", result, result, "--fail-if", "rate<1000000"]);
  assert.equal(worse.code, 1);
  assert.match(worse.stderr, /acme\/target: rate<1000000 is true/);
  assert.equal((await server.run(t, ["bench", "compare", result, result, "--fail-if", "fast"])).code, 2);
});

test("bench --suite original runs its experiments and restores the settings", async (t) => {
  const settings = async () => {
    const view = await fetch(`${server.url}/-/orgs/acme/endpoints/target`);
    return ((await view.json()) as { settings: unknown }).settings;
  };
  const before = await settings();
  const { code, stdout, stderr } = await server.run(t, [
    "bench",
    "acme/target",
    "--suite",
    "original",
    "--output",
    "json",
  ]);
  assert.equal(code, 0, stderr);
  const counts = Object.values<{ count: number }>(JSON.parse(stdout)).map(({ count }) => count);
  assert.deepEqual(counts, [300, 500, 500, 500]);
  assert.deepEqual(await settings(), before);
});

test("bench exits 130 after Ctrl-C", async (t) => {
  const { start } = server;
  const benching = start(t, ["bench", "acme/target", "--threads", "1", "--iterations", "1000000"], { typed: "" });
  await benching.printed(/\d+ requests, \d+\/s, p50 .* ms, 0 errors, \d+ replica/);
  benching.interrupt();
  assert.equal((await benching.ended).code, 130);
});

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();
const answers = (text: string) => `export const handler = () => "${text}";\n`;
const call = async (key: string) => (await fetch(`${server.url}/${key}`)).text();

test("stages are shown with seconds on stderr; stdout has the URL alone; a curl line follows", async (t) => {
  const folder = await server.source("staged", answers("hello"));
  const { code, stdout, stderr } = await server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "staged"]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `${server.url}/acme/staged\n`);
  assert.deepEqual(
    Array.from(stderr.matchAll(/^(\w+) +\d+\.\d s/gm), ([, stage]) => stage),
    ["prepare", "install", "pack", "upload", "register", "ready"],
  );
  assert.ok(stderr.includes(`curl -i ${server.url}/acme/staged`), stderr);
  assert.equal(await call("acme/staged"), "hello");
});

test("unchanged content says so, and nothing is uploaded", async (t) => {
  await server.deploy("acme/same", answers("same"));
  const folder = join(server.folder, "acme-same");
  const { code, stdout, stderr } = await server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "same"]);
  assert.deepEqual([code, stdout], [0, `${server.url}/acme/same\n`]);
  assert.match(stderr, /the server has it/);
  assert.match(stderr, /^Unchanged: revision [0-9a-f]{12}/m);
});

test("--output json prints what was registered", async (t) => {
  const folder = await server.source("json", answers("json"));
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "json", "--output", "json"];
  const { stdout } = await server.run(t, argv);
  const { url, org, endpoint, unchanged, revision } = JSON.parse(stdout);
  assert.deepEqual([url, org, endpoint, unchanged], [`${server.url}/acme/json`, "acme", "json", false]);
  assert.match(revision, /^[0-9a-f]{12}$/);
});

test("when the new code does not load: its own error, exit code 1, and what goes on serving", async (t) => {
  await server.deploy("acme/kept", answers("old"));
  const folder = await server.source("acme-kept", 'console.error("about to fail");\nexport const handler = 1 +;\n');
  const { code, stdout, stderr } = await server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "kept"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^error: .*index\.mjs:2.*SyntaxError/m);
  assert.match(stderr, /Revision [0-9a-f]{12}, deployed before, goes on serving acme\/kept\. \(DEPLOY_FAILED\)/);
  assert.equal(await call("acme/kept"), "old");
});

test("what the function printed before it failed is shown", async (t) => {
  const folder = await server.source("printed", 'console.error("last words");\nthrow new Error("no database");\n');
  const { stderr } = await server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "printed"]);
  assert.match(stderr, /no database/);
  assert.match(stderr, /^ {2}last words$/m);
});

test("a first deployment that fails, fails again when it is repeated", async (t) => {
  const folder = await server.source("never", 'throw new Error("never");\n');
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "never"];
  for (const _ of [1, 2]) {
    const { code, stderr } = await server.run(t, argv);
    assert.equal(code, 1);
    assert.match(stderr, /acme\/never has no revision that answers\. \(DEPLOY_FAILED\)/);
  }
});

test("what cannot be built leaves the old revision as it is, and says so", async (t) => {
  await server.deploy("acme/built", answers("old"));
  const folder = join(server.folder, "nothing-in-it");
  await mkdir(folder);
  const { code, stderr } = await server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "built"]);
  assert.equal(code, 1);
  assert.match(stderr, /goes on serving acme\/built\. \(SOURCE_EMPTY\)/);
});

test("a former revision that is scaled to zero stays current, and is not said to serve", async (t) => {
  const folder = await server.source("asleep", answers("old"));
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "asleep", "--idle-timeout", "100ms"];
  assert.equal((await server.run(t, argv)).code, 0);
  const isIdle = async () =>
    JSON.parse((await server.run(t, ["describe", "acme/asleep", "-o", "json"])).stdout).phase === "idle";
  for (const deadline = Date.now() + 20_000; !(await isIdle()); ) assert.ok(Date.now() < deadline, "it never got idle");
  const empty = join(server.folder, "empty");
  await mkdir(empty);
  const { stderr } = await server.run(t, ["deploy", empty, "--org", "acme", "--endpoint", "asleep"]);
  assert.match(stderr, /deployed before, stays current at acme\/asleep; no replica of it runs now\. \(SOURCE_EMPTY\)/);
  assert.equal(await call("acme/asleep"), "old");
});

test("--no-wait returns when it is registered", async (t) => {
  const folder = await server.source("later", answers("later"));
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "later", "--no-wait"];
  const { code, stderr } = await server.run(t, argv);
  assert.equal(code, 0);
  assert.doesNotMatch(stderr, /^ready/m);
  assert.equal(await call("acme/later"), "later");
});

test("settings come from faas.json above the working directory, then --env-file, then flags", async (t) => {
  const folder = await server.source(
    "project",
    "export const handler = () => { const { A, B, C } = process.env; return { A, B, C }; };\n",
  );
  const env = { A: "file", B: "file", C: "file" };
  await writeFile(
    join(folder, "faas.json"),
    JSON.stringify({ org: "acme", endpoint: "project", timeout: "10s", concurrency: 7, env }),
  );
  await writeFile(join(folder, "more.env"), "B=env-file\nC=env-file\n");
  await mkdir(join(folder, "deeper"));
  const argv = ["deploy", "--timeout", "20s", "--env-file", "../more.env", "--env", "C=flag"];
  const { code, stderr } = await server.run(t, argv, { cwd: join(folder, "deeper") });
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(await call("acme/project")), { A: "file", B: "env-file", C: "flag" });
  const described = await server.run(t, ["describe", "acme/project", "-o", "json"]);
  const { timeout, concurrency } = JSON.parse(described.stdout).settings;
  assert.deepEqual([timeout, concurrency], ["20s", 7]);
});

const ref = ["--org", "acme", "--endpoint", "x"];
for (const [argv, expected] of [
  [[], /Expected --org ORG and --endpoint ENDPOINT, or "org" and "endpoint" in faas\.json/],
  [["--org", "acme"], /Expected --endpoint ENDPOINT, or "endpoint" in faas\.json/],
  [["--org", "Acme!", "--endpoint", "x"], /organization name .* got "Acme!"/],
  [["--org", "system", "--endpoint", "x"], /reserved/],
  [[...ref, "--timeout", "5"], /Expected the `--timeout` option to be a duration such as 300ms, 30s or 5m, got "5"/],
  [
    [...ref, "--idle-timeout", "1ms"],
    /Expected the `--idle-timeout` option to be a duration from 100ms to 30d, got "1ms"/,
  ],
  [[...ref, "--memory", "1Ki"], /Expected the `--memory` option to be a size from 32Mi to 1024Gi, got "1Ki"/],
  [[...ref, "--cpu", "fast"], /Expected the `--cpu` option to be a CPU quantity such as 100m or 0\.5, got "fast"/],
  [[...ref, "--replicas", "-1"], /Expected the `--replicas` option to be a whole number from 0 to 1000, got "-1"/],
  [[...ref, "--handler", "index"], /Expected the `--handler` option to be "file\.export".* got "index"/],
  [[...ref, "--scaler", "magic"], /Expected the `--scaler` option to be one of concurrency, cpu, fixed, got "magic"/],
  [[...ref, "--env", "A"], /Expected the `--env` option to be NAME=value, got "A"/],
  [[...ref, "--env", "PORT=1"], /PORT and names that begin with FAAS_ are set by faas/],
  [[...ref, "--env-file", "gone.env"], /Expected the `--env-file` option to name a file: .*gone\.env/],
  [[...ref, "--image", "a:1"], /`--image` deploys what is built already: expected no folder/],
  [[...ref, "--image", "a b"], /Expected the `--image` option to be an image such as .* got "a b"/],
  [[...ref, "--replicas", "5", "--max-replicas", "2"], /"maxReplicas" to be at least "replicas" \(5\), got 2/],
] as const) {
  test(`wrong usage is told before anything is built or sent: deploy ${argv.join(" ")}`, async (t) => {
    const env = { FAAS_SERVER: "http://127.0.0.1:1" };
    const { code, stdout, stderr } = await server.run(t, ["deploy", ".", ...argv], { env });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, expected);
    assert.match(stderr, /\(USAGE\)/);
  });
}

for (const [flag, value] of [
  ["--image", "registry.example.com/acme/x:1"],
  ["--base-image", "node:22-slim"],
  ["--registry", "registry.example.com"],
] as const) {
  test(`${flag} where folders run says so, and nothing is built`, async (t) => {
    const dir = flag === "--image" ? [] : ["."];
    const { code, stderr } = await server.run(t, ["deploy", ...dir, ...ref, flag, value]);
    assert.equal(code, 1);
    assert.match(stderr, /is about container images, and the server at .* \(platform embedded\) runs folders/);
    assert.match(stderr, /\(ARTIFACT_UNSUPPORTED\)/);
    assert.doesNotMatch(stderr, /^prepare/m);
  });
}

test("a base image in faas.json means nothing where folders run", async (t) => {
  const folder = await server.source("with-base", answers("based"));
  await writeFile(
    join(folder, "faas.json"),
    JSON.stringify({ org: "acme", endpoint: "based", baseImage: "node:22-slim" }),
  );
  const { code, stderr } = await server.run(t, ["deploy", folder]);
  assert.equal(code, 0, stderr);
  assert.equal(await call("acme/based"), "based");
});

test("a Dockerfile beside the function changes nothing where folders run; asked for, it is refused", async (t) => {
  const folder = await server.source("with-dockerfile", answers("folder"));
  await writeFile(join(folder, "Dockerfile"), "FROM scratch\n");
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "with-dockerfile"];
  assert.equal((await server.run(t, argv)).code, 0);
  const { code, stderr } = await server.run(t, [...argv, "--runtime", "dockerfile"]);
  assert.equal(code, 1);
  assert.match(stderr, /A Dockerfile produces an image, but the platform runs bundles/);
});

test("Ctrl-C while the function starts ends with 130, and leaves no spinner behind", async (t) => {
  const folder = await server.source("slow", "await new Promise((done) => setTimeout(done, 60_000));\n");
  const deploying = server.start(t, ["deploy", folder, "--org", "acme", "--endpoint", "slow"]);
  await deploying.printed(/^register/m);
  deploying.interrupt();
  const { code, stdout } = await deploying.ended;
  assert.deepEqual([code, stdout], [130, ""]);
});

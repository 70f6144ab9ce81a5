import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();
const respondWith = (text: string) => `export const handler = () => "${text}";\n`;
const call = async (key: string) => (await fetch(`${server.url}/${key}`)).text();

test("deploy shows stages and a curl command on stderr, and only the URL on stdout", async (t) => {
  const folder = await server.source("staged", respondWith("hello"));
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

test("deploy uploads nothing for unchanged content", async (t) => {
  await server.deploy("acme/same", respondWith("same"));
  const folder = join(server.folder, "acme-same");
  const { code, stdout, stderr } = await server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "same"]);
  assert.deepEqual([code, stdout], [0, `${server.url}/acme/same\n`]);
  assert.match(stderr, /already on the server/);
  assert.match(stderr, /^Unchanged: revision [0-9a-f]{12} is already deployed/m);
});

test("deploy --output json prints the registered revision", async (t) => {
  const folder = await server.source("json", respondWith("json"));
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "json", "--output", "json"];
  const { stdout } = await server.run(t, argv);
  const { url, org, endpoint, unchanged, revision } = JSON.parse(stdout);
  assert.deepEqual([url, org, endpoint, unchanged], [`${server.url}/acme/json`, "acme", "json", false]);
  assert.match(revision, /^[0-9a-f]{12}$/);
});

test("deploy of code that does not load prints its error and the revision that still serves", async (t) => {
  await server.deploy("acme/serving", respondWith("old"));
  const folder = await server.source("acme-serving", 'console.error("about to fail");\nexport const handler = 1 +;\n');
  const { code, stdout, stderr } = await server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "serving"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^error: .*index\.mjs:2.*SyntaxError/m);
  assert.match(stderr, /The previous revision [0-9a-f]{12} still serves acme\/serving\. \(DEPLOY_FAILED\)/);
  assert.equal(await call("acme/serving"), "old");
});

test("deploy shows the output of a function that failed to start", async (t) => {
  const folder = await server.source("printed", 'console.error("last words");\nthrow new Error("no database");\n');
  const { stderr } = await server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "printed"]);
  assert.match(stderr, /no database/);
  assert.match(stderr, /^ {2}last words$/m);
});

for (const [language, file, code, line, frame] of [
  ["Node", "index.mjs", 'import { inner } from "./inner.mjs";\ninner();\n', "inner.mjs:1", "index.mjs:2"],
  ["TypeScript", "index.ts", 'import { inner } from "./inner.mjs";\ninner();\n', "inner.mjs:1", "index.ts:2"],
  ["Python", "main.py", "import inner\n", "inner.py:1", 'File "main.py", line 1'],
] as const)
  test(`deploy prints an error of ${language} once, with the author's own paths`, async (t) => {
    const folder = await server.source(`once-${language}`, "");
    await rm(join(folder, "index.mjs"));
    await writeFile(join(folder, file), code);
    await writeFile(join(folder, "inner.mjs"), 'export const inner = () => { throw new Error("no database"); };\n');
    await writeFile(join(folder, "inner.py"), 'raise RuntimeError("no database")\n');
    const argv = ["deploy", folder, "--org", "acme", "--endpoint", `once-${language.toLowerCase()}`];
    const { code: exit, stderr } = await server.run(t, argv);
    assert.equal(exit, 1);
    assert.match(stderr, new RegExp(`^error: ${line}: \\w*Error: no database$`, "m"));
    const own = stderr.split("\n").filter((text) => text.includes("no database") && !/^ +raise /.test(text));
    assert.equal(own.length, 1, stderr);
    assert.ok(stderr.includes(frame), stderr);
    assert.ok(!stderr.includes(server.folder), stderr);
    const { stdout } = await server.run(t, ["logs", `acme/once-${language.toLowerCase()}`]);
    assert.ok(!stdout.includes(server.folder), stdout);
    assert.match(stdout, /^\[faas\] replica \S+: ended, because it did not load$/m);
  });

for (const [language, file, code, expected] of [
  [
    "Node",
    "index.mjs",
    'import "lodash";\n',
    /imported from index\.mjs\. Add "lodash" to "dependencies" in package\.json$/m,
  ],
  ["Python", "main.py", "import requests\n", /No module named 'requests': add "requests" to requirements\.txt$/m],
] as const)
  test(`deploy names the line to add for a missing package of ${language}`, async (t) => {
    const folder = await server.source(`missing-${language}`, "");
    await rm(join(folder, "index.mjs"));
    await writeFile(join(folder, file), code);
    const { stderr } = await server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "missing"]);
    assert.match(stderr, expected);
  });

for (const command of ["deploy", "build", "dev"])
  test(`${command} of a mistyped folder says that it is missing and suggests the similar one`, async (t) => {
    await server.source("website", respondWith("hello"));
    const { code, stdout, stderr } = await server.run(t, [command, "./webiste"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.equal(
      stderr,
      `error: There is no folder ${join(server.folder, "webiste")} (SOURCE_UNREADABLE)\nhint: did you mean "website"?\n`,
    );
  });

test("deploy fails again when a failed first deployment is repeated", async (t) => {
  const folder = await server.source("never", 'throw new Error("never");\n');
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "never"];
  for (const _ of [1, 2]) {
    const { code, stderr } = await server.run(t, argv);
    assert.equal(code, 1);
    assert.match(stderr, /No revision serves acme\/never\. \(DEPLOY_FAILED\)/);
  }
});

test("deploy keeps the previous revision when the build fails", async (t) => {
  await server.deploy("acme/built", respondWith("old"));
  const folder = join(server.folder, "nothing-in-it");
  await mkdir(folder);
  const { code, stderr } = await server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "built"]);
  assert.equal(code, 1);
  assert.match(stderr, /still serves acme\/built\. \(SOURCE_EMPTY\)/);
});

test("deploy does not report an idle previous revision as serving", async (t) => {
  const folder = await server.source("asleep", respondWith("old"));
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "asleep", "--idle-timeout", "100ms"];
  assert.equal((await server.run(t, argv)).code, 0);
  const isIdle = async () =>
    JSON.parse((await server.run(t, ["describe", "acme/asleep", "-o", "json"])).stdout).phase === "idle";
  await eventually("the endpoint is idle", isIdle);
  const empty = join(server.folder, "empty");
  await mkdir(empty);
  const { stderr } = await server.run(t, ["deploy", empty, "--org", "acme", "--endpoint", "asleep"]);
  assert.match(stderr, /stays current at acme\/asleep, with no replica running now\. \(SOURCE_EMPTY\)/);
  assert.equal(await call("acme/asleep"), "old");
});

test("deploy --no-wait returns after registration", async (t) => {
  const folder = await server.source("later", respondWith("later"));
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "later", "--no-wait"];
  const { code, stderr } = await server.run(t, argv);
  assert.equal(code, 0);
  assert.doesNotMatch(stderr, /^ready/m);
  assert.equal(await call("acme/later"), "later");
});

test("deploy merges faas.json above the working directory, --env-file and options", async (t) => {
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
for (const [flag, value] of [
  ["--image", "registry.example.com/acme/x:1"],
  ["--base-image", "node:22-slim"],
  ["--registry", "registry.example.com"],
] as const) {
  test(`deploy ${flag} is rejected before the build where folders run`, async (t) => {
    const dir = flag === "--image" ? [] : ["."];
    const { code, stderr } = await server.run(t, ["deploy", ...dir, ...ref, flag, value]);
    assert.equal(code, 1);
    assert.match(stderr, /is for container images\. The server at .* \(platform embedded\) runs folders/);
    assert.match(stderr, /\(ARTIFACT_UNSUPPORTED\)/);
    assert.doesNotMatch(stderr, /^prepare/m);
  });
}

test("deploy ignores a base image in faas.json where folders run", async (t) => {
  const folder = await server.source("with-base", respondWith("based"));
  await writeFile(
    join(folder, "faas.json"),
    JSON.stringify({ org: "acme", endpoint: "based", baseImage: "node:22-slim" }),
  );
  const { code, stderr } = await server.run(t, ["deploy", folder]);
  assert.equal(code, 0, stderr);
  assert.equal(await call("acme/based"), "based");
});

test("deploy ignores a Dockerfile where folders run, and rejects --runtime dockerfile", async (t) => {
  const folder = await server.source("with-dockerfile", respondWith("folder"));
  await writeFile(join(folder, "Dockerfile"), "FROM scratch\n");
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "with-dockerfile"];
  assert.equal((await server.run(t, argv)).code, 0);
  const { code, stderr } = await server.run(t, [...argv, "--runtime", "dockerfile"]);
  assert.equal(code, 1);
  assert.match(stderr, /A Dockerfile produces an image, but the platform runs bundles/);
});

test("deploy exits 130 after Ctrl-C while the function starts", async (t) => {
  const folder = await server.source("slow", "await new Promise((done) => setTimeout(done, 60_000));\n");
  const deploying = server.start(t, ["deploy", folder, "--org", "acme", "--endpoint", "slow"]);
  await deploying.printed(/^register/m);
  deploying.interrupt();
  const { code, stdout } = await deploying.ended;
  assert.deepEqual([code, stdout], [130, ""]);
});

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();
const respond = 'export const handler = () => process.env.LEVEL ?? "none";\n';
const call = async (key: string) => (await fetch(`${server.url}/${key}`)).text();
const serving = async (key: string) => (await fetch(`${server.url}/${key}`)).status !== 404;

/** Writes a project of an organization with functions in folders of their names; returns its folder. */
async function project(
  org: string,
  functions: Readonly<Record<string, object>>,
  code: Readonly<Record<string, string>> = {},
) {
  for (const name of Object.keys(functions)) await server.source(`${org}/${name}`, code[name] ?? respond);
  const folder = join(server.folder, org);
  await writeFile(
    join(folder, "faas.json"),
    JSON.stringify({ org, memory: "128Mi", env: { LEVEL: "info" }, functions }),
  );
  return folder;
}

test("deploy deploys all functions, with the shared fields and their own", async (t) => {
  const cwd = await project("all", { api: { concurrency: 7 }, worker: { memory: "64Mi", env: { LEVEL: "debug" } } });
  const { code, stdout, stderr } = await server.run(t, ["deploy"], { cwd });
  assert.equal(code, 0, stderr);
  assert.equal(stdout, `api     ${server.url}/all/api\nworker  ${server.url}/all/worker\n`);
  assert.match(stderr, /^api {5}deployed +\d+\.\d s {2}revision [0-9a-f]{12}$/m);
  assert.deepEqual([await call("all/api"), await call("all/worker")], ["info", "debug"]);
  const { settings } = JSON.parse((await server.run(t, ["describe", "all/worker", "-o", "json"])).stdout);
  assert.deepEqual([settings.memory, settings.concurrency], ["64Mi", 80]);
  const again = await server.run(t, ["deploy", "worker", "--concurrency", "9"], { cwd });
  assert.equal(again.stdout, `worker  ${server.url}/all/worker\n`);
  assert.match(again.stderr, /^worker: concurrency 80 -> 9$/m);
  const unchanged = await server.run(t, ["deploy", "api"], { cwd });
  assert.match(unchanged.stderr, /^api {2}unchanged /m);
});

test("deploy in the folder of a function deploys that one", async (t) => {
  const cwd = await project("alone", { api: {}, worker: {} });
  const { stdout } = await server.run(t, ["deploy"], { cwd: join(cwd, "worker") });
  assert.equal(stdout, `worker  ${server.url}/alone/worker\n`);
  assert.ok(!(await serving("alone/api")));
});

test("deploy deploys the other functions when one fails, and exits 1", async (t) => {
  const cwd = await project("partly", { api: {}, broken: {}, worker: {} }, { broken: "export const handler = 1 +;\n" });
  const { code, stdout, stderr } = await server.run(t, ["deploy", "-o", "json"], { cwd });
  assert.equal(code, 1);
  const results = JSON.parse(stdout) as { function: string; url?: string; error?: { code: string } }[];
  assert.deepEqual(
    results.map(({ function: name, url, error }) => [name, url ?? error?.code]),
    [
      ["api", `${server.url}/partly/api`],
      ["broken", "DEPLOY_FAILED"],
      ["worker", `${server.url}/partly/worker`],
    ],
  );
  assert.match(stderr, /^broken {2}failed /m);
  assert.match(stderr, /^broken: error: .*index\.mjs:1.*SyntaxError/m);
  assert.match(stderr, /^Deployed 2 of 3\. Failed: broken$/m);
});

test("deploy finds a mistake in the settings of any function before the first deployment", async (t) => {
  const cwd = await project("mistaken", { api: {}, worker: { replicas: 5 } });
  const { code, stdout, stderr } = await server.run(t, ["deploy", "--max-replicas", "2"], { cwd });
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(stderr, /^error: worker: .*"maxReplicas" to be at least "replicas" \(5\), got 2/m);
  assert.ok(!(await serving("mistaken/api")));
});

test("deploy accepts --endpoint for one function only", async (t) => {
  const cwd = await project("preview", { api: {}, worker: {} });
  const several = await server.run(t, ["deploy", "--endpoint", "api-pr-12"], { cwd });
  assert.equal(several.code, 2);
  assert.match(several.stderr, /`--endpoint` is for one function, got api, worker: name one of them/);
  const { stdout } = await server.run(t, ["deploy", "api", "--endpoint", "api-pr-12"], { cwd });
  assert.equal(stdout, `api  ${server.url}/preview/api-pr-12\n`);
});

test("deploy --dry-run lists the changes of each function and deploys nothing", async (t) => {
  const cwd = await project("planned", { api: { concurrency: 7 }, worker: {} });
  const { code, stdout, stderr } = await server.run(t, ["deploy", "--dry-run"], { cwd });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^api {5}concurrency 80 -> 7$/m);
  assert.match(stdout, /^worker {2}memory 256Mi -> 128Mi$/m);
  assert.ok(!(await serving("planned/api")));
});

test("deploy shows a table on a terminal", async (t) => {
  const cwd = await project("shown", { api: {} });
  await mkdir(join(cwd, "web"));
  await writeFile(join(cwd, "faas.json"), JSON.stringify({ org: "shown", functions: { api: {}, web: {} } }));
  const { code, stderr } = await server.run(t, ["deploy"], { cwd, typed: "" });
  assert.equal(code, 1);
  const screen = stripVTControlCharacters(stderr);
  assert.match(screen, /^✔ api {2}deployed +.*\n✖ web {2}failed .*\nweb: error: .* \(SOURCE_EMPTY\)$/m);
});

test("deploy exits 130 after Ctrl-C, and reports the functions that it interrupted", async (t) => {
  const slow = "await new Promise((done) => setTimeout(done, 60_000));\n";
  const cwd = await project("stopped", { api: {}, slow: {} }, { slow });
  const deploying = server.start(t, ["deploy"], { cwd });
  await deploying.printed(/^api {3}deployed /m);
  deploying.interrupt();
  const { code, stdout, stderr } = await deploying.ended;
  assert.deepEqual([code, stdout], [130, ""]);
  assert.match(stderr, /^slow {2}interrupted /m);
  assert.equal(await call("stopped/api"), "info");
});

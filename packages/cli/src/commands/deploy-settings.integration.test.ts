import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { testServer } from "../testing/test-server.ts";

/** A deployment changes the settings that it names and keeps the others. */

const server = await testServer();
const CODE = "export const other = () => 'other';\nexport const handler = () => process.env.TOKEN ?? 'none';\n";

/** Deploys the folder and returns the lines about changes. */
async function deploy(t: TestContext, folder: string, endpoint: string, ...options: string[]): Promise<string[]> {
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", endpoint, ...options];
  const { code, stderr } = await server.run(t, argv);
  assert.equal(code, 0, stderr);
  return stderr.split("\n").filter((line) => line.includes(" -> "));
}

async function described(t: TestContext, endpoint: string) {
  const { stdout } = await server.run(t, ["describe", `acme/${endpoint}`, "--output", "json"]);
  return JSON.parse(stdout).settings;
}

const saveProject = (folder: string, project: object) => writeFile(join(folder, "faas.json"), JSON.stringify(project));

test("deploy keeps what it does not name, and prints what changes", async (t) => {
  const folder = await server.source("tour", CODE);
  await server.run(t, ["secret", "set", "acme", "TOKEN"], { input: "hidden" });
  assert.deepEqual(await deploy(t, folder, "tour", "--concurrency", "2", "--idle-timeout", "30s", "--env", "A=1"), []);
  assert.deepEqual(await deploy(t, folder, "tour", "--secret", "TOKEN"), ["secrets.TOKEN (none) -> TOKEN"]);
  assert.deepEqual(await deploy(t, folder, "tour"), []);
  assert.deepEqual(await deploy(t, folder, "tour", "--env", "B=two words", "--concurrency", "80"), [
    "concurrency 2 -> 80",
    'env.B (none) -> "two words"',
  ]);
  const { concurrency, idleTimeout, env, secrets } = await described(t, "tour");
  assert.deepEqual(
    { concurrency, idleTimeout, env, secrets },
    { concurrency: 80, idleTimeout: "30s", env: { A: "1", B: "two words" }, secrets: { TOKEN: "TOKEN" } },
  );
  assert.equal(await (await fetch(`${server.url}/acme/tour`)).text(), "hidden");
  assert.deepEqual(
    await deploy(t, folder, "tour", "--unset", "secret.TOKEN", "--unset", "env.A", "--unset", "idle-timeout"),
    ["idleTimeout 30s -> 5m", "env.A 1 -> (none)", "secrets.TOKEN TOKEN -> (none)"],
  );
  assert.deepEqual(await deploy(t, folder, "tour", "--reset", "--timeout", "9s"), [
    "timeout 30s -> 9s",
    'env.B "two words" -> (none)',
  ]);
});

test("deploy builds by the settings that the endpoint has", async (t) => {
  const folder = await server.source("kept-handler", CODE);
  await deploy(t, folder, "kept-handler", "--handler", "index.other");
  assert.deepEqual(await deploy(t, folder, "kept-handler", "--env", "A=1"), ["env.A (none) -> 1"]);
  assert.equal(await (await fetch(`${server.url}/acme/kept-handler`)).text(), "other");
  // What was detected, unlike what was set, follows the code.
  const site = await server.source("kept-site", "");
  await writeFile(join(site, "index.html"), "home");
  await writeFile(join(site, "app.html"), "app");
  assert.deepEqual(
    await deploy(t, site, "kept-handler", "--unset", "handler", "--app", "static", "--fallback", "app.html"),
    ["app function -> static", "handler index.other -> (none)", "fallback (none) -> app.html"],
  );
  assert.deepEqual(await deploy(t, site, "kept-handler", "--env", "A=2"), ["env.A 1 -> 2"]);
  assert.equal(await (await fetch(`${server.url}/acme/kept-handler/missing`)).text(), "app");
});

test("a field of faas.json has its value at every deployment; a removed one is kept until --reset", async (t) => {
  const folder = await server.source("project", CODE);
  await saveProject(folder, { concurrency: 2, timeout: "9s", env: { A: "1", B: "2" } });
  await deploy(t, folder, "project", "--memory", "300Mi");
  await deploy(t, folder, "project", "--env", "C=3", "--concurrency", "4");
  await saveProject(folder, { concurrency: 2, env: { A: "1" } });
  assert.deepEqual(await deploy(t, folder, "project"), [
    "concurrency 4 -> 2",
    "env.B 2 -> (none)",
    "env.C 3 -> (none)",
  ]);
  const { timeout, memory } = await described(t, "project");
  assert.deepEqual({ timeout, memory }, { timeout: "9s", memory: "300Mi" });
  assert.deepEqual(await deploy(t, folder, "project", "--reset"), ["timeout 9s -> 30s", "memory 300Mi -> 256Mi"]);
});

test("--dry-run prints the changes alone, and deploys nothing", async (t) => {
  const folder = await server.source("dry", CODE);
  const argv = ["deploy", folder, "--org", "acme", "--endpoint", "dry", "--concurrency", "2", "--dry-run"];
  const created = await server.run(t, argv);
  assert.deepEqual([created.code, created.stdout], [0, "concurrency 80 -> 2\n"]);
  assert.match(created.stderr, /^New endpoint: acme\/dry does not exist yet\.$/m);
  await deploy(t, folder, "dry");
  const before = await described(t, "dry");
  const changed = await server.run(t, argv);
  assert.deepEqual([changed.code, changed.stdout, changed.stderr], [0, "concurrency 80 -> 2\n", ""]);
  const { stdout } = await server.run(t, [...argv, "--output", "json"]);
  assert.deepEqual(JSON.parse(stdout), {
    ...{ org: "acme", endpoint: "dry", created: false },
    changes: [{ setting: "concurrency", from: 80, to: 2 }],
  });
  assert.deepEqual(await described(t, "dry"), before);
  const same = await server.run(t, [...argv, "--concurrency", "80"]);
  assert.deepEqual([same.code, same.stdout, same.stderr], [0, "", "No setting would change.\n"]);
});

test("--unset of an unknown setting names the similar one", async (t) => {
  const { code, stderr } = await server.run(t, ["deploy", ".", "--unset", "concurency"]);
  assert.equal(code, 2);
  assert.match(stderr, /There is no setting "concurency"/);
  assert.match(stderr, /did you mean "concurrency"\?/);
});

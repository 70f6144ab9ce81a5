import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();

test("the exported faas.json deploys an endpoint with the settings of the first, without the values of secrets", async (t) => {
  const folder = await server.source("hello", 'export const handler = () => "hello";\n');
  const run = async (...argv: readonly string[]) => {
    const ended = await server.run(t, argv, { input: "hidden" });
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  };
  await run("org", "create", "acme");
  await run("secret", "set", "acme", "KEY");
  const options = ["--concurrency", "3", "--env", "A=b", "--secret", "KEY"];
  await run("deploy", folder, "--org", "acme", "--endpoint", "hello", ...options);
  const { stdout, stderr } = await run("export", "acme/hello", "--project");
  assert.match(stderr, /^Deploy it from its folder: faas deploy$/m);
  assert.doesNotMatch(stdout, /hidden/);
  await writeFile(join(folder, "faas.json"), stdout.replace('"hello"', '"copy"'));
  await run("deploy", folder);
  const settingsOf = async (endpoint: string) =>
    JSON.parse((await run("describe", `acme/${endpoint}`, "-o", "json")).stdout).settings;
  assert.deepEqual(await settingsOf("copy"), await settingsOf("hello"));
  assert.equal((await settingsOf("copy")).concurrency, 3);
});

test("without Kubernetes, export names the form that there is", async (t) => {
  const { code, stderr } = await server.run(t, ["export", "acme/hello"]);
  assert.equal(code, 1);
  assert.match(stderr, /faas export acme\/hello --project \(EXPORT_UNSUPPORTED\)/);
});

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();
const ref = ["--org", "acme", "--endpoint", "x"];
const noDocker = { DOCKER_HOST: "unix:///nowhere/docker.sock" };

test("build without Docker reports its address and an alternative", async (t) => {
  const folder = await server.source("no-docker", "export const handler = () => 1;\n");
  const { code, stdout, stderr } = await server.run(t, ["build", folder, ...ref], { env: noDocker });
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /no Docker engine responds at unix:\/\/\/nowhere\/docker\.sock, from DOCKER_HOST/);
  assert.match(stderr, /"faas up"\) runs functions without Docker \(DOCKER_UNREACHABLE\)/);
});

test("build --push requires a registry", async (t) => {
  const folder = await server.source("no-registry", "export const handler = () => 1;\n");
  const { code, stderr } = await server.run(t, ["build", folder, ...ref, "--push"], { env: noDocker });
  assert.equal(code, 2);
  assert.match(stderr, /The server has no registry for images\. Pass --registry/);
});

test("build of several functions reports each that fails, and those that a mistake in the options concerns", async (t) => {
  const folder = await server.source("several/api", "export const handler = () => 1;\n");
  await server.source("several/worker", "export const handler = () => 1;\n");
  const root = join(folder, "..");
  await writeFile(join(root, "faas.json"), JSON.stringify({ org: "acme", functions: { api: {}, worker: {} } }));
  const built = await server.run(t, ["build", root, "api", "worker", "-o", "json"], { env: noDocker });
  assert.equal(built.code, 1);
  assert.match(built.stderr, /^api {5}failed/m);
  assert.match(built.stderr, /^worker: error: .*no Docker engine responds at .* \(DOCKER_UNREACHABLE\)$/m);
  assert.match(built.stderr, /^Built 0 of 2\. Failed: api, worker$/m);
  const results = JSON.parse(built.stdout).map(({ function: name, error }: never) => [
    name,
    (error as { code: string }).code,
  ]);
  assert.deepEqual(results, [
    ["api", "DOCKER_UNREACHABLE"],
    ["worker", "DOCKER_UNREACHABLE"],
  ]);
  const tagged = await server.run(t, ["build", "--tag", "v1"], { cwd: root, env: noDocker });
  assert.equal(tagged.code, 2);
  assert.match(tagged.stderr, /`--tag` is for one function, got api, worker: name one of them/);
});

for (const [argv, expected] of [
  [["--tag", "a b"], /Expected the `--tag` option to be letters, digits, .* got "a b"/],
  [["--registry", "https://r.example.com"], /without a scheme, such as registry\.example\.com\/team, got "https:/],
] as const) {
  test(`wrong usage: build ${argv.join(" ")}`, async (t) => {
    const folder = await server.source("usage", "export const handler = () => 1;\n");
    const { code, stderr } = await server.run(t, ["build", folder, ...ref, ...argv], { env: noDocker });
    assert.equal(code, 2);
    assert.match(stderr, expected);
  });
}

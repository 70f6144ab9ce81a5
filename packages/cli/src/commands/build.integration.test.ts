import assert from "node:assert/strict";
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

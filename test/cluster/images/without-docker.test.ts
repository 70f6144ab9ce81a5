import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { connectDocker } from "../../../packages/builder/src/docker/engine.ts";
import type { Test } from "../../../packages/cli/src/testing/test-cli.ts";
import { testServer } from "../../../packages/cli/src/testing/test-server.ts";
import { baseRegistry, registry, uniqueName } from "../cluster.ts";

/** `faas deploy` to a cluster from a machine without a container engine. */

const answers = (text: string) => `export const handler = () => "${text}";\n`;
const org = uniqueName("raw");
const server = await testServer({ kubernetes: { registry, baseRegistry } });
const without = {
  ...{
    DOCKER_HOST: "unix:///nowhere.sock",
    HOME: process.env.HOME ?? "",
    FAAS_CACHE_DIR: join(server.folder, "cache"),
  },
  // Python compiles the wrapper, as Docker does.
  PATH: process.env.PATH ?? "",
};
const engine = { ...without, DOCKER_HOST: process.env.DOCKER_HOST ?? "" };

describe("a machine without a container engine", () => {
  after(async () => {
    await server.run({ after: () => {} }, ["remove", "--all", org, "--yes"]).catch(() => {});
    const docker = await connectDocker();
    for (const { Id } of await docker.listImages({ filters: { label: [`faas.org=${org}`] } }))
      await docker.getImage(Id).remove({ force: true });
  });

  const deploy = (t: Test, folder: string, endpoint: string, ...more: string[]) =>
    server.run(t, ["deploy", folder, "--org", org, "--endpoint", endpoint, ...more], { env: without });
  const built = async (t: Test, folder: string, builder: string, env: Record<string, string>) => {
    const ref = ["--org", org, "--endpoint", "same"];
    const run = await server.run(t, ["build", folder, ...ref, "--push", "--builder", builder, "-o", "json"], { env });
    assert.equal(run.code, 0, run.stderr);
    return JSON.parse(run.stdout);
  };
  const call = async (endpoint: string) => (await fetch(`${server.url}/${org}/${endpoint}`)).text();

  test("deploys a function that the nodes run, and a changed line of it", async (t) => {
    const folder = await server.source("plain", answers("one"));
    const first = await deploy(t, folder, "plain");
    assert.equal(first.code, 0, first.stderr);
    assert.equal(await call("plain"), "one");
    const described = JSON.parse((await server.run(t, ["describe", `${org}/plain`, "-o", "json"])).stdout);
    assert.match(described.image, new RegExp(`^${registry.pull}/${org}/plain@sha256:[0-9a-f]{64}$`));
    assert.match(described.warm.image, new RegExp(`^${registry.pull}/${org}/warm_node@sha256:[0-9a-f]{64}$`));
    assert.match((await deploy(t, folder, "plain")).stderr, /^push .*already in the registry$/m);
    await writeFile(join(folder, "index.mjs"), answers("two"));
    assert.equal((await deploy(t, folder, "plain")).code, 0);
    assert.equal(await call("plain"), "two");
  });

  for (const [language, name, text] of [
    ["Node", "index.mjs", answers("same")],
    ["Python", "main.py", 'def handler(event):\n    return "same"\n'],
  ] as const)
    test(`builds the image of a ${language} function that Docker builds, and Docker can pull it`, async (t) => {
      const folder = join(server.folder, `same-${language}`);
      await mkdir(folder);
      await writeFile(join(folder, name), text);
      const raw = await built(t, folder, "registry", without);
      const docker = await built(t, folder, "docker", engine);
      assert.deepEqual([raw.builder, docker.builder], ["registry", "docker"]);
      assert.equal(docker.imageId, raw.imageId);
      const client = await connectDocker();
      const pulled = await client.pull(raw.reference);
      for await (const _ of pulled);
      assert.equal((await client.getImage(raw.reference).inspect()).Id, raw.imageId);
    });
});

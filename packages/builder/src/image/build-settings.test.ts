import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { baseImageLogins, proxyArguments } from "./build-settings.ts";

async function environment(t: TestContext, config: object): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "faas-settings-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  return { DOCKER_CONFIG: folder };
}

test("proxies of Docker's config.json go into a build, in both ways of writing", async (t) => {
  const env = await environment(t, { proxies: { default: { httpsProxy: "http://proxy:3128", noProxy: "localhost" } } });
  assert.deepEqual(await proxyArguments(env), {
    HTTPS_PROXY: "http://proxy:3128",
    https_proxy: "http://proxy:3128",
    NO_PROXY: "localhost",
    no_proxy: "localhost",
  });
  assert.deepEqual(await proxyArguments(await environment(t, {})), {});
});

test("logins go along for the registries that a Dockerfile begins with, and for no other", async (t) => {
  const auth = Buffer.from("ann:secret").toString("base64");
  const env = await environment(t, {
    auths: { "a.example.com": { auth }, "b.example.com": { auth }, "https://index.docker.io/v1/": { auth } },
  });
  const dockerfile =
    "ARG X=1\nFROM --platform=linux/amd64 a.example.com/team/base:1 AS one\nFROM node:24\nFROM one\nFROM c.example.com/x\n";
  const logins = await baseImageLogins(dockerfile, env);
  assert.deepEqual(Object.keys(logins).sort(), ["a.example.com", "https://index.docker.io/v1/"]);
  assert.equal(logins["a.example.com"]?.password, "secret");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { dockerConfig } from "../../testing/docker-config.ts";
import { baseImageLogins, proxyArguments } from "./build-settings.ts";

test("passes the proxies of Docker's config.json to a build, in upper and lower case", async () => {
  const env = await dockerConfig({ proxies: { default: { httpsProxy: "http://proxy:3128", noProxy: "localhost" } } });
  assert.deepEqual(await proxyArguments(env), {
    HTTPS_PROXY: "http://proxy:3128",
    https_proxy: "http://proxy:3128",
    NO_PROXY: "localhost",
    no_proxy: "localhost",
  });
  assert.deepEqual(await proxyArguments(await dockerConfig({})), {});
});

test("passes logins to a build only for the registries of its FROM images", async () => {
  const auth = Buffer.from("ann:secret").toString("base64");
  const env = await dockerConfig({
    auths: { "a.example.com": { auth }, "b.example.com": { auth }, "https://index.docker.io/v1/": { auth } },
  });
  const dockerfile =
    "ARG X=1\nFROM --platform=linux/amd64 a.example.com/team/base:1 AS one\nFROM node:24\nFROM one\nFROM c.example.com/x\n";
  const logins = await baseImageLogins(dockerfile, env);
  assert.deepEqual(Object.keys(logins).sort(), ["a.example.com", "https://index.docker.io/v1/"]);
  assert.equal(logins["a.example.com"]?.password, "secret");
});

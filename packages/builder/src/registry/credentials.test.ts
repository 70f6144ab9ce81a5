import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { dockerConfig } from "../testing/docker-config.ts";
import { dockerConfigFor, engineAuth, registryCredentials } from "./credentials.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("finds no login without a config.json", async () => {
  const env = { DOCKER_CONFIG: join(tempDir(), "missing") };
  assert.equal(await registryCredentials("localhost:5000", env), undefined);
});

test("reads logins by host, old ones with scheme and path, and passwords with a colon", async () => {
  const env = await dockerConfig({
    auths: {
      "registry.example.com": { auth: base64("ann:pass:word") },
      "https://old.example.com/v1/": { auth: base64("old:secret") },
      "token.example.com": { auth: base64("<token>:"), identitytoken: "refresh" },
      "https://index.docker.io/v1/": { auth: base64("hub:hubs") },
      "empty.example.com": {},
    },
  });
  const loginTo = (registry: string) => registryCredentials(registry, env);
  assert.deepEqual(await loginTo("registry.example.com"), { username: "ann", password: "pass:word" });
  assert.deepEqual(await loginTo("old.example.com"), { username: "old", password: "secret" });
  assert.equal((await loginTo("token.example.com"))?.identityToken, "refresh");
  assert.deepEqual(await loginTo("docker.io"), { username: "hub", password: "hubs" });
  assert.equal(await loginTo("empty.example.com"), undefined);
  assert.equal(await loginTo("registry.example.com:5000"), undefined);
});

test("reads back the login of a config.json that it wrote for Kubernetes", async () => {
  const login = { username: "bot", password: "s3cret" };
  const env = await dockerConfig(JSON.parse(dockerConfigFor("registry.example.com:5000/team", login)));
  assert.deepEqual(await registryCredentials("registry.example.com:5000", env), login);
  const hub = await dockerConfig(JSON.parse(dockerConfigFor("docker.io/team", login)));
  assert.deepEqual(await registryCredentials("docker.io", hub), login);
});

test("passes the engine an empty login if there is none", () => {
  const none = { username: "", password: "", serveraddress: "a.example.com" };
  assert.deepEqual(engineAuth(undefined, "a.example.com"), none);
  assert.equal(engineAuth({ username: "", password: "", identityToken: "t" }, "docker.io").identitytoken, "t");
});

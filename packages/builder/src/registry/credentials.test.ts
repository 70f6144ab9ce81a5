import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { authOf, dockerConfigFor, registryCredentials } from "./credentials.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "faas-credentials-"));
});
after(() => rm(folder, { recursive: true, force: true }));

let configs = 0;
async function environment(config: object): Promise<Record<string, string>> {
  const path = join(folder, `config-${++configs}`);
  await mkdir(path);
  await writeFile(join(path, "config.json"), JSON.stringify(config));
  return { DOCKER_CONFIG: path, HOME: folder, PATH: `${join(folder, "bin")}:${process.env.PATH}` };
}

/** A helper program as Docker starts it: `docker-credential-<name> get`, the registry on its stdin. */
async function helper(name: string, script: string): Promise<void> {
  await mkdir(join(folder, "bin"), { recursive: true });
  const path = join(folder, "bin", `docker-credential-${name}`);
  await writeFile(
    path,
    `#!/bin/sh\n[ "$1" = get ] || exit 9\nread -r registry\necho "$registry" >> ${folder}/asked-${name}\n${script}\n`,
  );
  await chmod(path, 0o755);
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

test("no config, no login", async () => {
  assert.equal(await registryCredentials("localhost:5000", { DOCKER_CONFIG: join(folder, "none") }), undefined);
});

test("what docker login wrote: by host, with scheme and path as old ones have, a password with a colon", async () => {
  const env = await environment({
    auths: {
      "registry.example.com": { auth: base64("ann:pass:word") },
      "https://old.example.com/v1/": { auth: base64("old:secret") },
      "token.example.com": { auth: base64("<token>:"), identitytoken: "refresh" },
      "https://index.docker.io/v1/": { auth: base64("hub:hubs") },
      "empty.example.com": {},
    },
  });
  const of = (registry: string) => registryCredentials(registry, env);
  assert.deepEqual(await of("registry.example.com"), { username: "ann", password: "pass:word" });
  assert.deepEqual(await of("old.example.com"), { username: "old", password: "secret" });
  assert.equal((await of("token.example.com"))?.identityToken, "refresh");
  assert.deepEqual(await of("docker.io"), { username: "hub", password: "hubs" });
  assert.equal(await of("empty.example.com"), undefined);
  assert.equal(await of("registry.example.com:5000"), undefined);
});

test("a helper for one registry, and the store for the others", async () => {
  await helper("one", `echo '{"ServerURL":"x","Username":"one","Secret":"1"}'`);
  await helper("all", `echo '{"ServerURL":"x","Username":"<token>","Secret":"refresh"}'`);
  const env = await environment({ credsStore: "all", credHelpers: { "one.example.com": "one" } });
  assert.deepEqual(await registryCredentials("one.example.com", env), { username: "one", password: "1" });
  assert.deepEqual(await registryCredentials("two.example.com", env), {
    username: "",
    password: "",
    identityToken: "refresh",
  });
  assert.equal(await readFile(join(folder, "asked-one"), "utf8"), "one.example.com\n");
  assert.equal(await readFile(join(folder, "asked-all"), "utf8"), "two.example.com\n");
});

test("a helper that has none leaves it to auths; one that fails is told of", async () => {
  await helper("empty", 'echo "credentials not found in native keychain"; exit 1');
  const env = await environment({ credsStore: "empty", auths: { "a.example.com": { auth: base64("a:b") } } });
  assert.deepEqual(await registryCredentials("a.example.com", env), { username: "a", password: "b" });
  assert.equal(await registryCredentials("b.example.com", env), undefined);
  await helper("locked", 'echo "the keychain is locked" >&2; exit 3');
  const refused = (store: string) =>
    environment({ credsStore: store }).then((each) => registryCredentials("a.example.com", each));
  await assert.rejects(refused("locked"), {
    code: "REGISTRY_DENIED",
    message: /docker-credential-locked, which failed with exit code 3: the keychain is locked/,
  });
  await assert.rejects(refused("gone"), {
    code: "REGISTRY_DENIED",
    message: /docker-credential-gone, which is not on the PATH/,
  });
  await helper("talks", "echo hello");
  await assert.rejects(refused("talks"), { code: "REGISTRY_DENIED", message: /no Username and Secret/ });
});

test("a config.json for one registry, as Kubernetes keeps it, is read back as the same login", async () => {
  const login = { username: "bot", password: "s3cret" };
  const env = await environment(JSON.parse(dockerConfigFor("registry.example.com:5000/team", login)));
  assert.deepEqual(await registryCredentials("registry.example.com:5000", env), login);
  const hub = await environment(JSON.parse(dockerConfigFor("docker.io/team", login)));
  assert.deepEqual(await registryCredentials("docker.io", hub), login);
});

test("the engine is told the login, or that there is none", () => {
  assert.deepEqual(authOf(undefined, "a.example.com"), { username: "", password: "", serveraddress: "a.example.com" });
  assert.equal(authOf({ username: "", password: "", identityToken: "t" }, "docker.io").identitytoken, "t");
});

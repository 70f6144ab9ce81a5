import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { dockerConfig } from "../testing/docker-config.ts";
import { registryCredentials } from "./credentials.ts";

const folder = tempDir("credential-helper");
const auth = Buffer.from("a:b").toString("base64");

async function environment(config: object): Promise<Record<string, string>> {
  return { ...(await dockerConfig(config)), PATH: `${join(folder, "bin")}:${process.env.PATH}` };
}

/** Writes a helper program as Docker runs it: `docker-credential-<name> get`, with the registry on stdin. */
async function writeHelper(name: string, script: string): Promise<void> {
  await mkdir(join(folder, "bin"), { recursive: true });
  const path = join(folder, "bin", `docker-credential-${name}`);
  await writeFile(
    path,
    `#!/bin/sh\n[ "$1" = get ] || exit 9\nread -r registry\necho "$registry" >> ${folder}/asked-${name}\n${script}\n`,
  );
  await chmod(path, 0o755);
}

test("uses the helper of a registry, and the credential store for the others", async () => {
  await writeHelper("one", `echo '{"ServerURL":"x","Username":"one","Secret":"1"}'`);
  await writeHelper("all", `echo '{"ServerURL":"x","Username":"<token>","Secret":"refresh"}'`);
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

test("falls back to the logins in config.json if the helper has none", async () => {
  await writeHelper("empty", 'echo "credentials not found in native keychain"; exit 1');
  const env = await environment({ credsStore: "empty", auths: { "a.example.com": { auth } } });
  assert.deepEqual(await registryCredentials("a.example.com", env), { username: "a", password: "b" });
  assert.equal(await registryCredentials("b.example.com", env), undefined);
});

for (const [helper, script, message] of [
  [
    "locked",
    'echo "the keychain is locked" >&2; exit 3',
    /docker-credential-locked, which failed with exit code 3: the keychain is locked/,
  ],
  ["missing", undefined, /docker-credential-missing, which is not on the PATH/],
  ["malformed", "echo hello", /docker-credential-malformed, which returned no Username and Secret/],
] as const)
  test(`names a ${helper} helper in the error`, async () => {
    if (script !== undefined) await writeHelper(helper, script);
    const env = await environment({ credsStore: helper });
    await assert.rejects(registryCredentials("a.example.com", env), { code: "REGISTRY_DENIED", message });
  });

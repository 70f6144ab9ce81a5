import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { EmbeddedPlatform } from "@faas/platforms";
import { eventually, tempDir } from "@faas/testing";
import type { RunningServer } from "../options.ts";
import { startServer } from "../server.ts";
import { Store } from "../state/store.ts";
import { digestOf, functionBundle } from "../testing/test-control.ts";

const tar = await functionBundle("export const handler = () => process.env.TOKEN;");

async function send(server: RunningServer, method: string, path: string, body?: object) {
  const sent =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const answer = await fetch(server.url + path, { method, ...sent });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its fields
  return (await answer.json()) as any;
}

test("the next server has the values of secrets, and finishes what a killed one began", async (t) => {
  const dataDir = tempDir("secrets");
  let server = await startServer({ dataDir, port: 0, logLevel: "silent" });
  t.after(() => server.stop());
  const call = async (endpoint: string) => (await fetch(`${server.url}/acme/${endpoint}`)).text();
  const again = async () => {
    server = await startServer({ dataDir, port: 0, logLevel: "silent" });
  };
  const files = async () => (await readdir(join(dataDir, "secrets/acme"))).sort();

  await fetch(`${server.url}/-/bundles/${digestOf(tar)}`, { method: "PUT", body: new Uint8Array(tar) });
  await send(server, "PUT", "/-/orgs/acme/secrets/TOKEN", { value: "one" });
  for (const [endpoint, settings] of [
    ["awake", { idleTimeout: "never" }],
    ["asleep", { replicas: 0 }],
  ] as const) {
    const artifact = { kind: "bundle", digest: digestOf(tar) };
    const body = { artifact, settings: { ...settings, secrets: { TOKEN: "TOKEN" } } };
    const { revision } = await send(server, "PUT", `/-/orgs/acme/endpoints/${endpoint}`, body);
    await send(server, "GET", `/-/orgs/acme/endpoints/${endpoint}?wait=${revision}`);
  }
  await server.stop();
  await again();
  assert.deepEqual([await call("awake"), await call("asleep")], ["one", "one"]);
  await server.stop();

  // State after a crash that came when the second value was stored, and a third one was being stored.
  const store = await Store.open(dataDir);
  const platform = new EmbeddedPlatform({ dataDir, bundleFolder: async () => dataDir });
  await platform.putSecret("acme", { name: "TOKEN", version: "new" }, "two");
  await platform.putSecret("acme", { name: "TOKEN", version: "half" }, "three");
  await platform[Symbol.asyncDispose]();
  await store.changeSecrets("acme", (secrets) => {
    const { version = "", setAt = "" } = secrets.TOKEN ?? {};
    return { ...secrets, TOKEN: { version: "new", setAt, former: [version, "half"] } };
  });
  await store.close();
  assert.equal((await files()).length, 3);

  await again();
  await eventually("both endpoints have the new value, and the others are removed", async () => {
    const seen = [await call("awake"), await call("asleep"), ...(await files())];
    assert.deepEqual(seen, ["two", "two", "TOKEN.new"]);
    return true;
  });
});

import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { RevisionView } from "@faas/core";
import { digestOf, functionBundle, testControl } from "../testing/test-control.ts";

const server = await testControl({ auth: true });
await server.send("PUT", "/-/orgs/acme");
const deployKey = await server.key("acme", "deploy");
const readKey = await server.key("acme", "read");

const pathOf = (endpoint: string) => `/-/orgs/acme/endpoints/${endpoint}`;
const send = async (method: string, path: string, body?: unknown, token = deployKey) => {
  const response = await server.send(method, path, body, token);
  assert.ok(response.status < 300, JSON.stringify(response.body));
  return response.body;
};

/** Bundles by the text that their function returns: another tar of the same code has another time in it. */
const bundles = new Map<string, Promise<Buffer>>();
function bundleOf(text: string): Promise<Buffer> {
  const bundle = bundles.get(text) ?? functionBundle(`export const handler = () => ${JSON.stringify(text)};\n`);
  bundles.set(text, bundle);
  return bundle;
}

/** Deploys a function that returns a text, waits until it serves, and returns the revision. */
async function deploy(endpoint: string, text: string, more: object = {}): Promise<string> {
  const bundle = await bundleOf(text);
  assert.ok((await server.upload(bundle, digestOf(bundle), deployKey)).status < 300);
  const artifact = { kind: "bundle", digest: digestOf(bundle) };
  const { revision } = await send("PUT", pathOf(endpoint), { artifact, ...more });
  await served(endpoint, revision);
  return revision;
}

async function served(endpoint: string, revision: string): Promise<void> {
  const view = await send("GET", `${pathOf(endpoint)}?wait=${revision}`);
  assert.equal(view.revision, revision, JSON.stringify(view.failure));
}

const call = async (endpoint: string) =>
  (await fetch(`${server.url}/acme/${endpoint}`, { headers: { Authorization: `Bearer ${deployKey}` } })).text();
const revisions = async (endpoint: string): Promise<RevisionView[]> =>
  (await send("GET", `${pathOf(endpoint)}/revisions`)).revisions;
const states = async (endpoint: string) =>
  (await revisions(endpoint)).map(({ revision, state, share }) => [revision, state, share]);

test("revisions are listed with who deployed them, when, from where and why", async () => {
  const commit = "0123456789abcdef0123456789abcdef01234567";
  const first = await deploy("origin", "one", { source: { message: "first", commit, dirty: true } });
  const second = await deploy("origin", "two");
  const [serving, kept] = await revisions("origin");
  assert.deepEqual([serving?.revision, serving?.state, serving?.share], [second, "serving", 100]);
  assert.deepEqual([kept?.revision, kept?.state, kept?.share], [first, "kept", 0]);
  const { at, by, ...origin } = kept?.origin ?? { at: "" };
  assert.deepEqual(origin, { from: "127.0.0.1", message: "first", commit, dirty: true });
  assert.equal(at, kept?.createdAt);
  assert.equal(by, (await server.send("GET", "/-/whoami", undefined, deployKey)).body.name);
  assert.ok(kept?.servedUntil);
});

test("a change of the settings alone keeps the commit of the code", async () => {
  const commit = "fedcba9876543210";
  await deploy("config", "one", { source: { commit } });
  const { revision } = await send("PUT", pathOf("config"), { settings: { concurrency: 2 } });
  await served("config", revision);
  assert.equal((await revisions("config"))[0]?.origin?.commit, commit);
});

test("a rollback brings back the revision that served before, and a second one undoes it", async () => {
  const first = await deploy("back", "one");
  const second = await deploy("back", "two");
  const outcome = await send("POST", `${pathOf("back")}/rollback`);
  assert.deepEqual([outcome.revision, outcome.replaced, outcome.unchanged], [first, second, false]);
  await served("back", first);
  assert.equal(await call("back"), "one");
  assert.deepEqual(await states("back"), [
    [first, "serving", 100],
    [second, "kept", 0],
  ]);
  assert.equal((await send("POST", `${pathOf("back")}/rollback`)).revision, second);
  await served("back", second);
  assert.equal(await call("back"), "two");
});

test("no call fails during a rollback, and afterwards the other revision answers", async () => {
  const first = await deploy("load", "one");
  await deploy("load", "two");
  const texts = new Set<string>();
  const ended = new AbortController();
  const load = [1, 2].map(async () => {
    while (!ended.signal.aborted) texts.add(await call("load"));
  });
  await send("POST", `${pathOf("load")}/rollback`);
  await served("load", first);
  ended.abort();
  await Promise.all(load);
  assert.deepEqual(
    [...texts].filter((text) => text !== "one" && text !== "two"),
    [],
  );
  assert.equal(await call("load"), "one");
});

test("a rollback takes the beginning of an id", async () => {
  const first = await deploy("prefix", "one");
  await deploy("prefix", "two");
  await deploy("prefix", "three");
  const { revision } = await send("POST", `${pathOf("prefix")}/rollback`, { revision: first.slice(0, 8) });
  assert.equal(revision, first);
});

test("a rollback to the serving revision changes nothing and says so", async () => {
  const first = await deploy("same", "one");
  const { unchanged, revision } = await send("POST", `${pathOf("same")}/rollback`, { revision: first });
  assert.deepEqual([unchanged, revision], [true, first]);
});

test("a rollback to an unknown revision names the most similar one", async () => {
  const first = await deploy("unknown", "one");
  const typo = `${first.slice(0, -1)}${first.endsWith("0") ? "1" : "0"}`;
  const { problem } = await server.send("POST", `${pathOf("unknown")}/rollback`, { revision: typo }, deployKey);
  assert.deepEqual([problem.code, problem.suggestion], ["REVISION_NOT_FOUND", first]);
  const none = await server.send("POST", `${pathOf("unknown")}/rollback`, undefined, deployKey);
  assert.equal(none.problem.code, "REVISION_NOT_FOUND");
  assert.match(none.problem.detail ?? "", /served before/);
});

test("a rollback during a deployment goes back to the serving revision", async () => {
  const first = await deploy("during", "one");
  const slow = await functionBundle("await new Promise(() => setTimeout(() => {}, 60_000));\n");
  await server.upload(slow, digestOf(slow), deployKey);
  const artifact = { kind: "bundle", digest: digestOf(slow) };
  const { revision } = await send("PUT", pathOf("during"), { artifact });
  assert.deepEqual((await states("during"))[0], [revision, "deploying", 0]);
  assert.equal((await send("POST", `${pathOf("during")}/rollback`)).revision, first);
  assert.deepEqual(await states("during"), [
    [first, "serving", 100],
    [revision, "kept", 0],
  ]);
  assert.equal(await call("during"), "one");
});

test("a failed deployment is listed as failed, and does not become the one to roll back to", async () => {
  const first = await deploy("failed", "one");
  const second = await deploy("failed", "two");
  const broken = await functionBundle("throw new Error('no');\n");
  await server.upload(broken, digestOf(broken), deployKey);
  const { revision } = await send("PUT", pathOf("failed"), { artifact: { kind: "bundle", digest: digestOf(broken) } });
  await send("GET", `${pathOf("failed")}?wait=${revision}`);
  assert.deepEqual(await states("failed"), [
    [second, "serving", 100],
    [revision, "failed", 0],
    [first, "kept", 0],
  ]);
  assert.equal((await send("POST", `${pathOf("failed")}/rollback`)).revision, first);
});

test("content that is deployed again serves under its id and is listed once", async () => {
  const first = await deploy("again", "one");
  const second = await deploy("again", "two");
  assert.equal(await deploy("again", "one"), first);
  assert.deepEqual(await states("again"), [
    [first, "serving", 100],
    [second, "kept", 0],
  ]);
});

test("files of revisions are listed with their digests", async () => {
  const first = await deploy("files", "one");
  const second = await deploy("files", "two");
  const [before, after] = await Promise.all(
    [first, second].map((revision) => send("GET", `${pathOf("files")}/revisions/${revision}/files`)),
  );
  const paths = ({ files }: { files: { path: string }[] }) => files.map(({ path }) => path);
  assert.deepEqual(paths(before), [".interface.mjs", "index.mjs"]);
  assert.deepEqual(before.files[0], after.files[0]);
  assert.notEqual(before.files[1].digest, after.files[1].digest);
});

test("a revision whose bundle is gone cannot serve again, and the error says why", async () => {
  const first = await deploy("gone", "a text of its own");
  const { bundle } = await send("GET", `${pathOf("gone")}/revisions/${first}/files`);
  await deploy("gone", "another text");
  const folder = join(server.dataDir, "bundles");
  assert.ok((await readdir(folder)).includes(bundle.slice("sha256:".length)));
  await rm(join(folder, bundle.slice("sha256:".length)), { recursive: true });
  const { problem } = await server.send("POST", `${pathOf("gone")}/rollback`, { revision: first }, deployKey);
  assert.equal(problem.code, "BUNDLE_NOT_FOUND");
  assert.match(problem.detail ?? "", new RegExp(`revision ${first} is no longer on the server`));
  assert.deepEqual(await send("GET", `${pathOf("gone")}/revisions/${first}/files`), { bundle });
});

test("a rollback uses the newest value of a secret whose earlier one is gone, and names the secret", async () => {
  await send("PUT", "/-/orgs/acme/secrets/TOKEN", { value: "one" });
  const first = await deploy("secret", "one", { settings: { secrets: { TOKEN: "TOKEN" } } });
  const second = await deploy("secret", "two");
  assert.equal((await send("POST", `${pathOf("secret")}/rollback`)).revision, first);
  await served("secret", first);
  const { rolls } = await send("PUT", "/-/orgs/acme/secrets/TOKEN", { value: "two" });
  await served("secret", rolls[0].revision);
  const outcome = await send("POST", `${pathOf("secret")}/rollback`, { revision: second });
  assert.deepEqual([outcome.renewed, outcome.unchanged], [["TOKEN"], false]);
  assert.notEqual(outcome.revision, second);
  await served("secret", outcome.revision);
  assert.equal(await call("secret"), "two");
});

test("a rollback needs the scope deploy and is in the audit log with both revisions", async () => {
  const first = await deploy("audit", "one");
  const second = await deploy("audit", "two");
  const path = `${pathOf("audit")}/rollback`;
  assert.equal((await server.send("POST", path, undefined, readKey)).problem.code, "FORBIDDEN");
  assert.equal((await server.send("GET", `${pathOf("audit")}/revisions`, undefined, readKey)).status, 200);
  await send("POST", path);
  const { body } = await server.send("GET", "/-/audit");
  const line = String(body).trimEnd().split("\n").at(-1) as string;
  const { action, target, change } = JSON.parse(line);
  assert.deepEqual(
    [action, target, change],
    ["POST /-/orgs/{org}/endpoints/{endpoint}/rollback", "acme/audit", { revision: { from: second, to: first } }],
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();
const CODE = "export const handler = () => 1;\n";
const isDeployed = async (key: string) => (await fetch(`${server.url}/${key}`)).status === 200;

test("remove --yes removes an endpoint", async (t) => {
  await server.deploy("acme/gone", CODE);
  const { code, stdout, stderr } = await server.run(t, ["remove", "acme/gone", "--yes"]);
  assert.deepEqual([code, stdout, stderr], [0, "", "Removed acme/gone.\n"]);
  assert.ok(!(await isDeployed("acme/gone")));
});

test("remove without a terminal requires --yes, and exits 2", async (t) => {
  await server.deploy("acme/kept", CODE);
  const { code, stderr } = await server.run(t, ["remove", "acme/kept"]);
  assert.equal(code, 2);
  assert.match(stderr, /Not a terminal: pass --yes to remove without confirmation \(USAGE\)/);
  assert.ok(await isDeployed("acme/kept"));
});

for (const [typed, removed] of [
  ["y\n", true],
  ["YES\n", true],
  ["n\n", false],
  ["\n", false],
  ["", false],
] as const) {
  test(`remove on a terminal asks, and ${JSON.stringify(typed)} ${removed ? "removes" : "does not remove"}`, async (t) => {
    await server.deploy("acme/asked", CODE);
    const { code, stderr } = await server.run(t, ["remove", "acme/asked"], { typed });
    assert.equal(code, 0);
    assert.match(stderr, /Remove acme\/asked with its logs\? \[y\/N\] /);
    assert.equal(await isDeployed("acme/asked"), !removed);
  });
}

test("remove --all removes an organization with its endpoints", async (t) => {
  await server.deploy("team/one", CODE);
  await server.deploy("team/two", CODE);
  const { code, stderr } = await server.run(t, ["remove", "team", "--all", "--yes"]);
  assert.deepEqual([code, stderr], [0, "Removed team with its 2 endpoints.\n"]);
  assert.equal((await server.run(t, ["list", "team"])).code, 1);
});

test("remove requires --all for an organization", async (t) => {
  const { code, stderr } = await server.run(t, ["remove", "acme", "--yes"]);
  assert.equal(code, 2);
  assert.match(stderr, /Expected ORG\/ENDPOINT, or ORG with --all, got "acme"/);
});

test("remove suggests an endpoint for a mistyped one", async (t) => {
  await server.deploy("acme/spelled", CODE);
  const { code, stderr } = await server.run(t, ["remove", "acme/speled", "--yes"]);
  assert.equal(code, 1);
  assert.match(stderr, /did you mean "acme\/spelled"/);
});

import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { runHere } from "../testing/test-cli.ts";

const root = tempDir("init");

test("init writes faas.json with organization, endpoint, runtime and schema", async (t) => {
  const folder = join(root, "My Function");
  await mkdir(folder);
  const { code } = await runHere(t, ["init", "--runtime", "node", "--org", "acme"], { cwd: folder });
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(await readFile(join(folder, "faas.json"), "utf8")), {
    $schema: "./faas.schema.json",
    org: "acme",
    endpoint: "my-function",
    runtime: "node",
  });
  assert.equal(JSON.parse(await readFile(join(folder, "faas.schema.json"), "utf8")).title, "faas.json");
  assert.equal(JSON.parse(await readFile(join(folder, "package.json"), "utf8")).name, "my-function");
});

test("init --mcp writes a server for agents, in languages that have one", async (t) => {
  for (const [runtime, app, file] of [
    ["node", "fetch", "index.mjs"],
    ["python", "asgi", "main.py"],
  ] as const) {
    const { code } = await runHere(t, ["init", `mcp-${runtime}`, "--mcp", "--runtime", runtime], { cwd: root });
    assert.equal(code, 0);
    const project = JSON.parse(await readFile(join(root, `mcp-${runtime}`, "faas.json"), "utf8"));
    assert.deepEqual([project.runtime, project.app], [runtime, app]);
    assert.match(await readFile(join(root, `mcp-${runtime}`, file), "utf8"), new RegExp(`"mcp-${runtime}"`));
  }
  const { code, stderr } = await runHere(t, ["init", "mcp-ts", "--mcp", "--runtime", "typescript"], { cwd: root });
  assert.deepEqual([code, /--runtime node or python with --mcp/.test(stderr)], [2, true]);
});

test("init prints the next commands", async (t) => {
  const { stderr } = await runHere(t, ["init", "next", "--runtime", "python"], { cwd: root });
  assert.match(stderr, /cd next\n.*python3 -m unittest.*\n.*faas\S* dev.*\n.*faas\S* up --detach.*\n.*faas\S* deploy/);
});

test("init names existing files and writes nothing", async (t) => {
  const folder = join(root, "used");
  await mkdir(folder);
  await writeFile(join(folder, "index.mjs"), "mine");
  await writeFile(join(folder, "notes.txt"), "mine");
  const { code, stderr } = await runHere(t, ["init", "used", "--runtime", "node"], { cwd: root });
  assert.equal(code, 1);
  assert.match(stderr, /used already has index\.mjs\./);
  assert.deepEqual((await readdir(folder)).sort(), ["index.mjs", "notes.txt"]);
  assert.equal(await readFile(join(folder, "index.mjs"), "utf8"), "mine");
});

test("init keeps other files of the folder", async (t) => {
  const folder = join(root, "beside");
  await mkdir(folder);
  await writeFile(join(folder, "README.md"), "mine");
  assert.equal((await runHere(t, ["init", "beside", "--runtime", "node"], { cwd: root })).code, 0);
  assert.ok((await readdir(folder)).includes("faas.json"));
});

test("init asks for the runtime on a terminal until it is valid", async (t) => {
  const { code, stderr } = await runHere(t, ["init", "asked"], { cwd: root, typed: "ruby\npython\n" });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Runtime \(node, typescript, python\)/);
  assert.ok((await readdir(join(root, "asked"))).includes("main.py"));
});

test("init without --runtime and without a terminal lists the choices", async (t) => {
  const { code, stderr } = await runHere(t, ["init", "unasked"], { cwd: root });
  assert.equal(code, 2);
  assert.match(stderr, /--runtime.*node, typescript, python/);
});

test("init rejects a name that is not a DNS label", async (t) => {
  const { code, stderr } = await runHere(t, ["init", "x", "--runtime", "node", "--name", "Not_good"], { cwd: root });
  assert.equal(code, 2);
  assert.match(stderr, /lower-case letters, digits and hyphens.*"Not_good"/);
});

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { runHere } from "../testing/test-cli.ts";

const root = await mkdtemp(join(tmpdir(), "faas-init-"));
after(() => rm(root, { recursive: true, force: true }));

const RUNTIMES = { node: ["npm", "test"], typescript: ["npm", "test"], python: ["python3", "-m", "unittest"] } as const;

for (const [runtime, [command, ...args]] of Object.entries(RUNTIMES)) {
  test(`a ${runtime} starter's own test passes, without a network`, async (t) => {
    const cwd = join(root, runtime);
    await mkdir(cwd);
    const { code, stdout } = await runHere(t, ["init", "hello", "--runtime", runtime], { cwd });
    assert.equal(code, 0);
    assert.deepEqual(
      stdout.trim().split("\n").sort(),
      (await readdir(join(cwd, "hello"))).map((name) => `hello/${name}`).sort(),
    );
    const env = {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      PYTHONDONTWRITEBYTECODE: "1",
      npm_config_offline: "true",
    };
    await promisify(execFile)(command, args, { cwd: join(cwd, "hello"), env });
  });
}

test("faas.json names organization, endpoint and runtime, and the schema beside it", async (t) => {
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

test("it says what to type next", async (t) => {
  const { stderr } = await runHere(t, ["init", "next", "--runtime", "python"], { cwd: root });
  assert.match(stderr, /cd next\n.*python3 -m unittest.*\n.*faas dev.*\n.*faas up --detach.*\n.*faas deploy/);
});

test("files that are there are named, and nothing is written", async (t) => {
  const folder = join(root, "taken");
  await mkdir(folder);
  await writeFile(join(folder, "index.mjs"), "mine");
  await writeFile(join(folder, "notes.txt"), "mine");
  const { code, stderr } = await runHere(t, ["init", "taken", "--runtime", "node"], { cwd: root });
  assert.equal(code, 1);
  assert.match(stderr, /taken has index\.mjs already/);
  assert.deepEqual((await readdir(folder)).sort(), ["index.mjs", "notes.txt"]);
  assert.equal(await readFile(join(folder, "index.mjs"), "utf8"), "mine");
});

test("a folder with other files gets the starter beside them", async (t) => {
  const folder = join(root, "beside");
  await mkdir(folder);
  await writeFile(join(folder, "README.md"), "mine");
  assert.equal((await runHere(t, ["init", "beside", "--runtime", "node"], { cwd: root })).code, 0);
  assert.ok((await readdir(folder)).includes("faas.json"));
});

test("without --runtime a terminal is asked, until the answer is one", async (t) => {
  const { code, stderr } = await runHere(t, ["init", "asked"], { cwd: root, typed: "ruby\npython\n" });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Runtime \(node, typescript, python\)/);
  assert.ok((await readdir(join(root, "asked"))).includes("main.py"));
});

test("without --runtime and without a terminal the choices are named", async (t) => {
  const { code, stderr } = await runHere(t, ["init", "unasked"], { cwd: root });
  assert.equal(code, 2);
  assert.match(stderr, /--runtime.*node, typescript, python/);
});

test("a name that is no DNS label is refused", async (t) => {
  const { code, stderr } = await runHere(t, ["init", "x", "--runtime", "node", "--name", "Not_good"], { cwd: root });
  assert.equal(code, 2);
  assert.match(stderr, /lower-case letters, digits and hyphens.*"Not_good"/);
});

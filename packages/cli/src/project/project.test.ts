import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { FaasError } from "@faas/core";
import { findProject, openProject, parseProject } from "./project.ts";

const root = await mkdtemp(join(tmpdir(), "faas-project-"));
after(() => rm(root, { recursive: true, force: true }));

let count = 0;
/** A new folder that holds these files; a name that ends in `/` is a folder. */
async function folder(files: Record<string, string>): Promise<string> {
  const path = join(root, String(count++));
  for (const [name, text] of Object.entries(files)) {
    const file = join(path, name);
    await mkdir(name.endsWith("/") ? file : join(file, ".."), { recursive: true });
    if (!name.endsWith("/")) await writeFile(file, text);
  }
  return path;
}

const refusal = (text: string): string => {
  try {
    parseProject(text, "faas.json");
  } catch (error) {
    assert.ok(error instanceof FaasError);
    assert.equal(error.code, "CONFIG_INVALID");
    return error.message;
  }
  return assert.fail(`accepted: ${text}`);
};

test("faas.json is found in a folder above", async () => {
  const path = await folder({ "faas.json": '{"org":"acme"}', "a/b/": "" });
  const found = await findProject(join(path, "a/b"));
  assert.deepEqual(found, { path: join(path, "faas.json"), folder: path, project: { org: "acme" } });
});

test("the search ends at the root of the repository", async () => {
  const path = await folder({ "faas.json": "{}", "repository/.git/": "", "repository/src/": "" });
  assert.equal(await findProject(join(path, "repository/src")), undefined);
});

test("the faas.json at the root of the repository counts", async () => {
  const path = await folder({ "faas.json": "{}", ".git/": "", "src/": "" });
  assert.equal((await findProject(join(path, "src")))?.folder, path);
});

test("a command without a folder works on that of faas.json", async () => {
  const path = await folder({ "faas.json": "{}", "src/": "" });
  assert.equal((await openProject(undefined, join(path, "src"))).source, path);
});

test("a command with a folder works on that, with the settings of the faas.json above", async () => {
  const path = await folder({ "faas.json": '{"endpoint":"invert"}', "src/": "" });
  const { source, found } = await openProject("src", path);
  assert.equal(source, join(path, "src"));
  assert.equal(found?.project.endpoint, "invert");
});

test("a mistake in the JSON has file, line and column", () => {
  const mistakes: [string, string][] = [
    ['{\n  "org": acme\n}', 'faas.json:2:10: expected a value, got "a"'],
    ['{\n  "org": "a",\n}', 'faas.json:2:13: "," before "}" is one too many'],
    ['{\n  "org": "a"\n  "cpu": "1"\n}', 'faas.json:3:3: expected "," or "}", got "\\""'],
    ['{ "org" "a" }', 'faas.json:1:9: expected ":" after "org", got "\\""'],
    ["{ 'org': 1 }", `faas.json:1:3: expected a field's name in double quotes, got "'"`],
    [
      '{\n  // ours\n  "org": "a" }',
      "faas.json:2:3: expected a field's name in double quotes, got a comment, which JSON has not",
    ],
    ['{ "org": "a"', 'faas.json:1:13: expected "," or "}", got the end of the file'],
    ["{} {}", 'faas.json:1:4: unexpected "{" after the end'],
    ["", "faas.json:1:1: expected a value, got the end of the file"],
  ];
  for (const [text, message] of mistakes) assert.equal(refusal(text), message);
});

test("an unknown field is named, with its place and what was probably meant", () => {
  assert.equal(
    refusal('{\n  "replica": 2,\n  "colour": "red"\n}'),
    'faas.json:2:3: unknown field "replica"; did you mean "replicas"?\nfaas.json:3:3: unknown field "colour"',
  );
});

test("a value that cannot be is named with its place and what was expected", () => {
  assert.equal(
    refusal('{\n  "org": "acme",\n  "idleTimeout": "5",\n  "env": { "A-B": "x", "C": 1 }\n}'),
    [
      'faas.json:3:3: "idleTimeout": expected a duration such as 300ms, 30s or 5m, got "5"',
      `faas.json:4:12: "env.A-B": expected a variable's name to be letters, digits and underscores`,
      'faas.json:4:24: "env.C": expected text, got 1',
    ].join("\n"),
  );
  assert.match(refusal("[]"), /^faas.json: expected an object, got \[\]$/);
});

test("a byte order mark, as some editors write it, is no mistake", () => {
  assert.deepEqual(parseProject('\ufeff{"cpu":"1"}', "faas.json"), { cpu: "1" });
});

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { FaasError } from "@faas/core";
import { tempDir } from "@faas/testing";
import { findProject, parseProject } from "./project.ts";

/** Creates a folder with these files; a name that ends in `/` is a folder. */
async function folder(files: Record<string, string>): Promise<string> {
  const path = tempDir("project");
  for (const [name, text] of Object.entries(files)) {
    const file = join(path, name);
    await mkdir(name.endsWith("/") ? file : join(file, ".."), { recursive: true });
    if (!name.endsWith("/")) await writeFile(file, text);
  }
  return path;
}

const messageFor = (text: string): string => {
  try {
    parseProject(text, "faas.json");
  } catch (error) {
    assert.ok(error instanceof FaasError);
    assert.equal(error.code, "CONFIG_INVALID");
    return error.message;
  }
  return assert.fail(`accepted: ${text}`);
};

test("findProject finds faas.json in a parent folder", async () => {
  const path = await folder({ "faas.json": '{"org":"acme"}', "a/b/": "" });
  const found = await findProject(join(path, "a/b"));
  assert.deepEqual(found, { path: join(path, "faas.json"), folder: path, project: { org: "acme" } });
});

test("findProject stops at the root of the repository", async () => {
  const path = await folder({ "faas.json": "{}", "repository/.git/": "", "repository/src/": "" });
  assert.equal(await findProject(join(path, "repository/src")), undefined);
});

test("findProject includes the root of the repository", async () => {
  const path = await folder({ "faas.json": "{}", ".git/": "", "src/": "" });
  assert.equal((await findProject(join(path, "src")))?.folder, path);
});

test("parseProject reports a JSON mistake with file, line and column", () => {
  const mistakes: [string, string][] = [
    ['{\n  "org": acme\n}', 'faas.json:2:10: expected a value, got "a"'],
    ['{\n  "org": "a",\n}', 'faas.json:2:13: unexpected "," before "}"'],
    ['{\n  "org": "a"\n  "cpu": "1"\n}', 'faas.json:3:3: expected "," or "}", got "\\""'],
    ['{ "org" "a" }', 'faas.json:1:9: expected ":" after "org", got "\\""'],
    ["{ 'org': 1 }", `faas.json:1:3: expected a field name in double quotes, got "'"`],
    [
      '{\n  // ours\n  "org": "a" }',
      "faas.json:2:3: expected a field name in double quotes, got a comment, which JSON does not allow",
    ],
    ['{ "org": "a"', 'faas.json:1:13: expected "," or "}", got the end of the file'],
    ["{} {}", 'faas.json:1:4: unexpected "{" after the end'],
    ["", "faas.json:1:1: expected a value, got the end of the file"],
  ];
  for (const [text, message] of mistakes) assert.equal(messageFor(text), message);
});

test("parseProject reports an unknown field with its position and a suggestion", () => {
  assert.equal(
    messageFor('{\n  "replica": 2,\n  "colour": "red"\n}'),
    'faas.json:2:3: unknown field "replica"; did you mean "replicas"?\nfaas.json:3:3: unknown field "colour"',
  );
});

test("parseProject reports an invalid value with its position and the expected one", () => {
  assert.equal(
    messageFor('{\n  "org": "acme",\n  "idleTimeout": "5",\n  "env": { "A-B": "x", "C": 1 }\n}'),
    [
      'faas.json:3:3: "idleTimeout": expected a duration such as 300ms, 30s or 5m, got "5"',
      `faas.json:4:12: "env.A-B": expected a variable's name to be letters, digits and underscores`,
      'faas.json:4:24: "env.C": expected text, got 1',
    ].join("\n"),
  );
  assert.match(messageFor("[]"), /^faas.json: expected an object, got \[\]$/);
});

test("parseProject accepts a byte order mark, which some editors write", () => {
  assert.deepEqual(parseProject('\ufeff{"cpu":"1"}', "faas.json"), { cpu: "1" });
});

test("parseProject reports mistakes in functions with their positions", () => {
  assert.equal(
    messageFor(
      '{\n  "functions": {\n    "api": { "fodler": "x" },\n    "Api!": {},\n    "up": { "folder": "/etc", "cpu": 1 }\n  }\n}',
    ),
    [
      'faas.json:3:14: unknown field "functions.api.fodler"; did you mean "folder"?',
      'faas.json:4:5: "functions.Api!": expected the endpoint name to be lower-case letters, digits and hyphens, beginning and ending with a letter or digit, got "Api!"',
      'faas.json:5:13: "functions.up.folder": expected a relative path',
      'faas.json:5:31: "functions.up.cpu": expected text, got 1',
    ].join("\n"),
  );
});

test("parseProject rejects fields that only one function can have beside functions", () => {
  assert.equal(
    messageFor('{\n  "endpoint": "a",\n  "hostnames": ["a.example"],\n  "functions": { "b": {} }\n}'),
    [
      'faas.json:2:3: "endpoint": not allowed beside "functions": the name of each function is its endpoint',
      'faas.json:3:3: "hostnames": not allowed beside "functions": set them in a function, because a hostname has one endpoint',
    ].join("\n"),
  );
  assert.match(messageFor('{"functions":{}}'), /"functions": expected at least one function/);
});

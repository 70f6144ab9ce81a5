import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();
const code = `
  import { createHash } from "node:crypto";
  if (process.env.KEY === "bad") throw new Error("no such key");
  export const handler = () => createHash("sha256").update(process.env.KEY).digest("hex");
`;
const sha = (text: string) => createHash("sha256").update(text).digest("hex");
const call = async (path: string) => (await fetch(`${server.url}/${path}`)).text();
const nobody = { after: () => {} };

before(async () => {
  await server.source("fn", code);
  await server.run(nobody, ["secret", "set", "acme", "KEY"], { input: "one\n" });
  const { code: exit, stderr } = await server.run(
    nobody,
    ...([["deploy", "fn", "--org", "acme", "--endpoint", "x", "--secret", "KEY"]] as const),
  );
  assert.equal(exit, 0, stderr);
});

for (const [property, input, saved] of [
  ["without the line break at its end", "hunter2\n", "hunter2"],
  ["as Windows writes it", "hunter2\r\n", "hunter2"],
  ["with the lines in it", "a\nb\n\n", "a\nb\n"],
  ["in UTF-8", "pässword", "pässword"],
] as const)
  test(`secret set reads standard input ${property}, and endpoints use it when it returns`, async (t) => {
    const { code, stdout, stderr } = await server.run(t, ["secret", "set", "acme", "KEY"], { input });
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, /Saved the secret KEY of acme\.\nDeploying it to acme\/x …\nIt uses the new value\.\n$/);
    assert.equal(await call("acme/x"), sha(saved));
  });

test("secret set --from-file saves the file unchanged", async (t) => {
  await writeFile(join(server.folder, "key.pem"), "-----BEGIN\nabc\n-----END\n");
  const { code } = await server.run(t, ["secret", "set", "acme", "KEY", "--from-file", "key.pem"]);
  assert.equal(code, 0);
  assert.equal(await call("acme/x"), sha("-----BEGIN\nabc\n-----END\n"));
});

test("secret set hides the typed value", async (t) => {
  const { code, stdout, stderr } = await server.run(t, ["secret", "set", "acme", "KEY"], {
    typed: "tyxed\x7f\x7f\x7fped\r",
  });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^Value of KEY for acme \(hidden\): \nSaved/);
  assert.doesNotMatch(stdout + stderr, /typed|tyxed/);
  assert.equal(await call("acme/x"), sha("typed"));
});

test("secret set saves nothing after Ctrl-C", async (t) => {
  const before = await call("acme/x");
  const { code, stderr } = await server.run(t, ["secret", "set", "acme", "KEY"], { typed: "typed\x03" });
  assert.equal(code, 2);
  assert.match(stderr, /nothing was saved/);
  assert.equal(await call("acme/x"), before);
});

test("secret set reports endpoints that fail with the new value and keep the previous one", async (t) => {
  const before = await call("acme/x");
  const { code, stderr } = await server.run(t, ["secret", "set", "acme", "KEY"], { input: "bad" });
  assert.equal(code, 1);
  assert.match(stderr, /keep the previous one\.\nacme\/x: .*no such key/s);
  assert.equal(await call("acme/x"), before);
});

test("secret set explains how to use a new secret, and --no-wait does not wait for rollouts", async (t) => {
  const first = await server.run(t, ["secret", "set", "acme", "fresh"], { input: "x" });
  assert.match(first.stderr, /"faas deploy --org acme --secret fresh", in the variable fresh/);
  const second = await server.run(t, ["secret", "set", "acme", "KEY", "--no-wait"], { input: "later" });
  assert.equal(second.code, 0);
  assert.doesNotMatch(second.stderr, /It uses/);
});

test("secret set --env-file sets a secret per line, and endpoints use all of them when it returns", async (t) => {
  const folder = await server.source("many", "export const handler = () => [process.env.ONE, process.env.TWO];");
  for (const name of ["ONE", "TWO"]) await server.run(t, ["secret", "set", "many", name], { input: "old" });
  const deploy = ["deploy", folder, "--org", "many", "--endpoint", "x", "--secret", "ONE", "--secret", "TWO"];
  assert.equal((await server.run(t, deploy)).code, 0);
  await writeFile(join(server.folder, "secrets.env"), '# of production\nONE=1\nexport TWO="a\nb"\nSPARE=3\n');
  const { code, stdout, stderr } = await server.run(t, ["secret", "set", "many", "--env-file", "secrets.env"]);
  assert.deepEqual([code, stdout], [0, ""]);
  assert.match(
    stderr,
    /^Saved the secret ONE of many\.\nSaved the secret SPARE of many\.\nSaved the secret TWO of many\.\n/,
  );
  assert.match(stderr, /"faas deploy --org many --secret SPARE"/);
  assert.match(stderr, /Deploying them to many\/x …\nIt uses the new values\.\n$/);
  assert.deepEqual(JSON.parse(await call("many/x")), ["1", "a\nb"]);
});

for (const [problem, text, expected] of [
  ["an invalid line", "GOOD=1\nnonsense\n", /bad\.env:2 to be NAME=value/],
  ["an empty value", "GOOD=1\nEMPTY=\n", /In \S+bad\.env, EMPTY: expected a value, but it is empty/],
  ["an invalid name", "GOOD=1\nbad-name=1\n", /In \S+bad\.env, bad-name: .*letters, digits and underscores/],
  ["no lines", "# nothing\n", /Expected NAME=value lines in \S+bad\.env, got none/],
] as const)
  test(`secret set --env-file sets nothing from a file with ${problem}`, async (t) => {
    await writeFile(join(server.folder, "bad.env"), text);
    const { code, stderr } = await server.run(t, ["secret", "set", "acme", "--env-file", "bad.env"]);
    assert.equal(code, 2);
    assert.match(stderr, expected);
    assert.doesNotMatch((await server.run(t, ["secret", "list", "acme"])).stdout, /GOOD/);
  });

test("secret set rejects a name beside --env-file, and neither of them", async (t) => {
  const both = await server.run(t, ["secret", "set", "acme", "KEY", "--env-file", "secrets.env"]);
  assert.match(both.stderr, /`--env-file` has the names and the values/);
  const neither = await server.run(t, ["secret", "set", "acme"], { input: "x" });
  assert.match(neither.stderr, /Expected the name of a secret, or a file of several with --env-file/);
  assert.deepEqual([both.code, neither.code], [2, 2]);
});

test("secret list prints names, times and users", async (t) => {
  const { stdout } = await server.run(t, ["secret", "list", "acme"]);
  assert.match(stdout, /^NAME +SET +USED BY\nKEY +\d{4}-\d\d-\d\d \d\d:\d\d +x\n/);
  const json = JSON.parse((await server.run(t, ["secret", "list", "acme", "-o", "json"])).stdout);
  assert.deepEqual(Object.keys(json[0]).sort(), ["endpoints", "name", "setAt"]);
});

test("describe shows the variable of each secret", async (t) => {
  const { stdout } = await server.run(t, ["describe", "acme/x"]);
  assert.match(stdout, /^secret KEY +KEY$/m);
});

test("deploy merges the secrets of faas.json and options", async (t) => {
  const folder = await server.source("project", "export const handler = () => [process.env.A, process.env.B];");
  await writeFile(
    join(folder, "faas.json"),
    JSON.stringify({ org: "json", endpoint: "x", secrets: { A: "one", B: "one" } }),
  );
  for (const name of ["one", "two"]) await server.run(t, ["secret", "set", "json", name], { input: name });
  const { code, stderr } = await server.run(t, ["deploy", folder, "--secret", "two=B"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(await call("json/x")), ["one", "two"]);
});

test("secret remove removes an unused secret", async (t) => {
  await server.run(t, ["secret", "set", "acme", "unused"], { input: "x" });
  assert.equal((await server.run(t, ["secret", "remove", "acme", "unused"])).code, 0);
  const { stdout } = await server.run(t, ["secret", "list", "acme"]);
  assert.doesNotMatch(stdout, /unused/);
});

test("secret set rejects an unreadable file, binary data and an empty value", async (t) => {
  await writeFile(join(server.folder, "binary"), Buffer.from([0xff, 0xfe]));
  for (const [args, input, words] of [
    [["--from-file", "nothing"], undefined, /`--from-file` option to name a file: ENOENT/],
    [["--from-file", "binary"], undefined, /binary to be text in UTF-8/],
    [[], Buffer.from([0x68, 0xff]), /on standard input to be text in UTF-8/],
    [[], "", /standard input, got nothing/],
    [[], "\n", /got nothing/],
    [[], "x".repeat(2 ** 16 + 1), /at most 65536 bytes, got 65537/],
    [[], "a\0b", /NUL/],
  ] as const) {
    const surroundings = input === undefined ? {} : { input };
    const { code, stderr } = await server.run(t, ["secret", "set", "acme", "KEY", ...args], surroundings);
    assert.equal(code, 2, stderr);
    assert.match(stderr, words);
  }
});

const value = "hunter2.$";
for (const [location, argv, words] of [
  ["an argument", ["secret", "set", "acme", "KEY", value], /Don't pass a secret's value as an argument/],
  ["the name", ["secret", "set", "acme", `KEY=${value}`], /Don't pass a secret's value as an argument/],
  ["the name to remove", ["secret", "remove", "acme", `KEY=${value}`], /Don't pass a secret's value as an argument/],
  [
    "the flag of a deployment",
    ["deploy", "fn", "--org", "acme", "--endpoint", "x", "--secret", `KEY=${value}`],
    /Set the value with faas secret set/,
  ],
  [
    "the flag, twice",
    ["deploy", "fn", "--org", "acme", "--endpoint", "x", "--secret", `KEY=A=${value}`],
    /Set the value with faas secret set/,
  ],
  ["the name alone", ["secret", "set", "acme", value], /letters, digits and underscores/],
] as const)
  test(`a value as ${location} is rejected and not repeated`, async (t) => {
    const { code, stdout, stderr } = await server.run(t, argv, { input: "x" });
    assert.equal(code, 2);
    assert.match(stderr, words);
    assert.ok(!(stdout + stderr).includes(value), stderr);
  });

for (const [argv, words] of [
  [["--secret", "KEYS"], /no secret "KEYS": acme has .*KEY.*SECRET_NOT_FOUND.*did you mean "KEY"/s],
  [["--secret", "KEY", "--env", "KEY=1"], /KEY is in both/],
  [["--secret", "KEY", "--secret", "fresh=KEY"], /once per variable, got two secrets for one variable/],
  [["--secret", "FAAS_KEY"], /set by faas/],
] as const)
  test(`wrong usage: deploy ${argv.join(" ")}`, async (t) => {
    const { code, stderr } = await server.run(t, ["deploy", "fn", "--org", "acme", "--endpoint", "x", ...argv]);
    assert.notEqual(code, 0);
    assert.match(stderr, words);
  });

test("secret remove names the users of a secret, and suggests one for a mistyped name", async (t) => {
  const used = await server.run(t, ["secret", "remove", "acme", "KEY"]);
  assert.match(used.stderr, /used by acme\/x.*SECRET_IN_USE/);
  const none = await server.run(t, ["secret", "remove", "acme", "KEYS"]);
  assert.match(none.stderr, /SECRET_NOT_FOUND.*did you mean "KEY"/s);
  assert.deepEqual([used.code, none.code], [1, 1]);
});

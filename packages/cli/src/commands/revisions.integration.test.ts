import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();
const git = async (cwd: string, ...args: readonly string[]) => {
  const identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
  return (await promisify(execFile)("git", [...identity, ...args], { cwd })).stdout.trim();
};

test("deploy twice, list, compare, roll back: the first revision serves again", async (t) => {
  const folder = join(server.folder, "hello");
  const run = async (...argv: readonly string[]) => {
    const ended = await server.run(t, argv);
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  };
  const deploy = async (text: string, ...more: readonly string[]): Promise<string> => {
    await writeFile(join(folder, "index.mjs"), `export const handler = () => "${text}";\n`);
    const { stdout } = await run("deploy", folder, "--org", "acme", "--endpoint", "hello", "-o", "json", ...more);
    return JSON.parse(stdout).revision;
  };
  await mkdir(folder);
  await writeFile(join(folder, "old.txt"), "old\n");
  await git(folder, "init", "--quiet");
  await git(folder, "add", ".");
  await git(folder, "commit", "--quiet", "--message", "x");
  const commit = await git(folder, "rev-parse", "HEAD");
  const first = await deploy("one", "--message", "the first one");
  await git(folder, "rm", "--quiet", "old.txt");
  await git(folder, "add", ".");
  await git(folder, "commit", "--quiet", "--message", "y");
  await writeFile(join(folder, "index.mjs"), "");
  const second = await deploy("one and more", "--concurrency", "2");

  const { stdout: listed } = await run("revisions", "acme/hello");
  const [head, ...rows] = listed.trimEnd().split("\n");
  assert.match(head ?? "", /^REVISION +AGE +AUTHOR +COMMIT +SHARE +TAGS +STATE +MESSAGE$/);
  assert.match(rows[0] ?? "", new RegExp(`^${second} +\\d+s +- +[0-9a-f]{10}\\+ +100% +- +serving$`));
  assert.match(
    rows[1] ?? "",
    new RegExp(`^${first} +\\d+s +- +${commit.slice(0, 10)}\\+ +- +- +kept, warm for \\d+m +the first one$`),
  );
  const { revisions } = JSON.parse((await run("revisions", "acme/hello", "-o", "json")).stdout);
  assert.deepEqual(
    revisions.map(({ origin }: { origin: { from: string } }) => origin.from),
    ["127.0.0.1", "127.0.0.1"],
  );

  const { stdout: differences } = await run("diff", "acme/hello");
  assert.equal(
    differences,
    `from ${first} to ${second}\nsetting concurrency 80 -> 2\nfile index.mjs changed (36 bytes -> 45 bytes)\nfile old.txt removed (4 bytes)\n`,
  );
  assert.equal(
    (await run("diff", "acme/hello", second.slice(0, 8))).stdout,
    `from ${second} to ${second}\nno difference\n`,
  );

  const back = await run("rollback", "acme/hello");
  assert.match(back.stderr, new RegExp(`^Revision ${first} serves acme/hello again, in place of ${second}\\.$`, "m"));
  assert.equal(back.stdout, `${server.url}/acme/hello\n`);
  assert.equal(await (await fetch(`${server.url}/acme/hello`)).text(), "one");
  assert.match(
    (await run("rollback", "acme/hello", first)).stderr,
    /^Unchanged: revision \w+ serves acme\/hello already/m,
  );

  await run("promote", "acme/hello", second.slice(0, 8));
  assert.equal(await (await fetch(`${server.url}/acme/hello`)).text(), "one and more");
  const names = await run("completion-names", "revisions", "--", "rollback", "acme/hello");
  assert.deepEqual(names.stdout.trimEnd().split("\n"), [second, first]);
});

test("rollback to an unknown revision suggests the most similar one", async (t) => {
  await server.deploy("acme/typo", 'export const handler = () => "x";\n');
  const { stdout } = await server.run(t, ["revisions", "acme/typo", "-o", "json"]);
  const [{ revision }] = JSON.parse(stdout).revisions;
  const typo = `${revision.slice(0, -1)}${revision.endsWith("0") ? "1" : "0"}`;
  const { code, stderr } = await server.run(t, ["rollback", "acme/typo", typo]);
  assert.equal(code, 1);
  assert.match(stderr, /REVISION_NOT_FOUND/);
  assert.match(stderr, new RegExp(`did you mean "${revision}"`));
});

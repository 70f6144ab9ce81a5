import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testServer } from "../testing/test-server.ts";

const server = await testServer();

test("deploy twice, split, tag, preview: each revision answers where it should", async (t) => {
  const folder = join(server.folder, "hello");
  await mkdir(folder);
  const run = async (...argv: readonly string[]) => {
    const ended = await server.run(t, argv);
    assert.equal(ended.code, 0, ended.stderr);
    return ended;
  };
  const deploy = async (text: string, ...more: readonly string[]) => {
    await writeFile(join(folder, "index.mjs"), `export const handler = () => "${text}";\n`);
    const { stdout } = await run("deploy", folder, "--org", "acme", "--endpoint", "hello", "-o", "json", ...more);
    return JSON.parse(stdout) as { readonly revision: string; readonly url: string };
  };
  const textAt = async (path: string) => (await fetch(`${server.url}/acme/hello${path}`)).text();
  const { revision: old } = await deploy("old", "--keep-warm", "0s");
  const { revision: next } = await deploy("new");
  assert.match(
    (await run("split", "acme/hello")).stderr,
    new RegExp(`all calls of acme/hello go to the revision ${next}`),
  );

  const { stdout: shown } = await run(
    "split",
    "acme/hello",
    `${next}=50`,
    `${old.slice(0, 8)}=50`,
    "--sticky",
    "cookie",
  );
  assert.match(shown, new RegExp(`^REVISION +SHARE +STATE *\n${next} +50 % +serving\n${old} +50 %`));
  assert.match(shown, /sticky by cookie/);
  assert.deepEqual(new Set([await textAt(""), await textAt("")]), new Set(["old", "new"]));
  await run("split", "acme/hello", "--off");
  assert.deepEqual([await textAt(""), await textAt("")], ["new", "new"]);

  assert.match((await run("tag", "acme/hello", `stable=${old}`)).stderr, /\/acme\/hello@stable\n/);
  assert.equal(await textAt("@stable"), "old");
  assert.match((await run("tag", "acme/hello")).stdout, new RegExp(`^TAG +REVISION\nstable +${old}\n$`));
  await run("tag", "acme/hello", "stable", "--delete");
  assert.equal((await fetch(`${server.url}/acme/hello@stable`)).status, 404);

  const preview = await deploy("draft", "--preview", "--tag", "pr-7", "--expires", "7d");
  assert.equal(preview.url, `${server.url}/acme/hello@pr-7`);
  assert.deepEqual(
    [await textAt("@pr-7"), await textAt(`@${preview.revision}`), await textAt("")],
    ["draft", "draft", "new"],
  );
  assert.match((await run("split", "acme/hello")).stdout, new RegExp(`${preview.revision} +0 % +@pr-7, preview until`));

  const { stdout: revisions } = await run("revisions", "acme/hello");
  assert.match(revisions, new RegExp(`^${preview.revision} .* - +@pr-7 +kept, preview for [67]d$`, "m"));
  assert.match(revisions, new RegExp(`^${next} .* 100% +- +serving$`, "m"));
  await run("split", "acme/hello", `${next}=99`, `${old}=1`, "--sticky", "header:X-User");
  const { stdout: described } = await run("describe", "acme/hello");
  assert.match(described, /^deployed +\d{4}-\S+Z from 127\.0\.0\.1$/m);
  assert.match(described, new RegExp(`^split +${next} 99%, ${old} 1%, sticky by header:x-user$`, "m"));
  assert.match(described, new RegExp(`^tag +@pr-7 ${preview.revision}$`, "m"));
  assert.match(described, new RegExp(`^preview +${preview.revision}, expires in [67]d$`, "m"));
});

test("a preview that does not load fails with the reason, and the endpoint is unchanged", async (t) => {
  await server.deploy("acme/fine", "export const handler = () => 'fine';\n");
  const source = await server.source("fine", "throw new Error('cannot load');\n");
  const argv = ["deploy", source, "--org", "acme", "--endpoint", "fine", "--preview"];
  const { code, stderr } = await server.run(t, argv);
  assert.equal(code, 1);
  assert.match(stderr, /cannot load/);
  assert.equal(await (await fetch(`${server.url}/acme/fine`)).text(), "fine");
});

test("split and tag name the mistake in their arguments", async (t) => {
  const wrong: readonly [argv: readonly string[], message: RegExp][] = [
    [["split", "acme/x", "a=10", "b=80"], /shares to add up to 100, got 90/],
    [["split", "acme/x", "a"], /Expected REVISION=PERCENT with a number from 0 to 100, got "a"/],
    [["split", "acme/x", "a=50", "a=50"], /one share for a, got two/],
    [["split", "acme/x", "a=100", "--off"], /omit the shares/],
    [["split", "acme/x", "--sticky", "cookie"], /needs the shares/],
    [["tag", "acme/x", "stable"], /Expected TAG=REVISION, got "stable"/],
    [["tag", "acme/x", "stable=a", "--delete"], /the tag alone/],
    [["deploy", ".", "--tag", "a"], /`--tag` and `--expires` are for `--preview`/],
  ];
  for (const [argv, message] of wrong) {
    const { code, stderr } = await server.run(t, argv);
    assert.deepEqual([code, message.test(stderr)], [2, true], `${argv.join(" ")}: ${stderr}`);
  }
});

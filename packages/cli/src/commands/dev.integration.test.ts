import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ScheduleList } from "@faas/core";
import { tempDir } from "@faas/testing";
import { startHere } from "../testing/test-cli.ts";

const root = tempDir("dev-test");
// Temporary folder of its own, to find files that `faas dev` leaves behind.
const temporary = join(root, "tmp");
await mkdir(temporary);
process.env.TMPDIR = temporary;

const respondWith = (text: string) => `export const handler = () => ${JSON.stringify(text)};\n`;

let count = 0;
/** Runs `faas dev` on a folder with these files; resolves when it has printed its first URL. */
async function dev(t: TestContext, files: Record<string, string>) {
  const folder = join(root, String(count++), "fn");
  const write = async (name: string, text: string) => {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    // Editors rename a new file over the old one.
    await writeFile(`${path}~`, text);
    await rename(`${path}~`, path);
  };
  for (const [name, text] of Object.entries(files)) await write(name, text);
  const running = startHere(t, ["dev", ".", "--port", "0"], { cwd: folder });
  const [url] = await running.printed(/(?<=^(?:\w+: )?)http:\S+(?=\n)/m);
  const call = async (path = "") => {
    const response = await fetch(url + path);
    return { status: response.status, text: await response.text() };
  };
  /** Saves, and waits for output that matches. */
  const save = async (changes: Record<string, string>, expected: RegExp) => {
    const from = running.position();
    for (const [name, text] of Object.entries(changes)) await write(name, text);
    return running.printed(expected, from);
  };
  return { folder, url, running, write, call, save };
}

test("dev serves a saved change, and keeps the previous code when it does not load", async (t) => {
  const { call, save, running, folder } = await dev(t, { "index.mjs": respondWith("one") });
  await running.printed(/loaded in \d+ ms/);
  assert.equal((await call()).text, "one");

  await save({ "index.mjs": respondWith("two") }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "two");

  await save({ "index.mjs": "\n\nconst = 3;\n" }, /still serving the previous code/);
  assert.match(running.stdout() + running.stderr(), /index\.mjs:3/);
  assert.ok(!(running.stdout() + running.stderr()).includes(temporary), "errors name the user's own files");
  assert.deepEqual(await call(), { status: 200, text: "two" });

  await save({ "index.mjs": respondWith("four") }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "four");

  running.interrupt();
  assert.equal((await running.ended).code, 130);
  assert.deepEqual(await readdir(temporary), [], "nothing is left behind");
  assert.ok((await readdir(folder)).includes("index.mjs"));
});

test("dev starts scheduled runs by hand alone", async (t) => {
  const schedules = [{ name: "often", cron: "* * * * *" }];
  const { url, running } = await dev(t, {
    "index.mjs": respondWith("one"),
    "faas.json": JSON.stringify({ schedules }),
  });
  await running.printed(/loaded in \d+ ms/);
  const { origin, pathname } = new URL(url as string);
  const [org, endpoint] = pathname.slice(1).split("/");
  const { schedules: listed } = (await (await fetch(`${origin}/-/orgs/${org}/schedules`)).json()) as ScheduleList;
  assert.deepEqual([listed.length, listed[0]?.enabled], [1, false]);
  const path = `/-/orgs/${org}/endpoints/${endpoint}/schedules/often/run`;
  assert.equal((await fetch(origin + path, { method: "POST" })).status, 202);
});

test("dev responds with 502 and the reason until the first code loads", async (t) => {
  const { call, save, running } = await dev(t, { "index.mjs": 'throw new Error("no luck");\n' });
  await running.printed(/no code to serve yet/);
  const { status, text } = await call();
  assert.equal(status, 502);
  assert.match(text, /no luck/);
  await save({ "index.mjs": respondWith("fixed") }, /loaded in \d+ ms/);
  assert.deepEqual(await call(), { status: 200, text: "fixed" });
});

test("dev shows requests and the function's output", async (t) => {
  const source = 'export const handler = ({ path }) => { console.log("saw", path); return { status: 418 }; };\n';
  const { call, running } = await dev(t, { "index.mjs": source });
  await call("/tea?cups=2");
  await running.printed(/saw \/tea/);
  await running.printed(/GET \/tea\?cups=2 418 [\d.]+ ms/);
  assert.match(running.stdout(), /^http:\S+\nsaw \/tea\n$/);
});

test("dev loads files of a new folder", async (t) => {
  const { call, save, running } = await dev(t, { "index.mjs": respondWith("one") });
  await running.printed(/loaded in \d+ ms/);
  await save({ "lib/words.mjs": 'export const word = "from lib";\n' }, /loaded in \d+ ms/);
  const handler = 'import { word } from "./lib/words.mjs";\nexport const handler = () => word;\n';
  await save({ "index.mjs": handler }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "from lib");
  await save({ "lib/words.mjs": 'export const word = "changed";\n' }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "changed");
});

test("dev applies a saved faas.json, and shows a mistake in it with its line", async (t) => {
  const source = "export const handler = () => process.env.WORD;\n";
  const project = (env: object) => JSON.stringify({ org: "acme", endpoint: "words", env }, null, 2);
  const { call, save, url, running } = await dev(t, { "index.mjs": source, "faas.json": project({ WORD: "a" }) });
  await running.printed(/loaded in \d+ ms/);
  assert.match(url, /\/acme\/words$/);
  assert.equal((await call()).text, "a");
  await save({ "faas.json": project({ WORD: "b" }) }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "b");
  await save({ "faas.json": '{\n  "envv": {}\n}' }, /faas\.json:2:3: unknown field "envv"; did you mean "env"\?/);
  assert.equal((await call()).text, "b");
});

test("dev shows a malformed manifest, and loads the next save", async (t) => {
  const { call, save, running } = await dev(t, { "index.mjs": respondWith("one"), "package.json": "{}" });
  await running.printed(/loaded in \d+ ms/);
  await save({ "package.json": "{ half" }, /package\.json:1:3: .*MANIFEST_INVALID/);
  assert.equal((await call()).text, "one");
  await save({ "package.json": "{}", "index.mjs": respondWith("two") }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "two");
});

test("dev compiles TypeScript on every save, and shows a mistake with its line", async (t) => {
  const { call, save, running } = await dev(t, { "index.ts": "export const handler = (): string => 'one';\n" });
  await running.printed(/loaded in \d+ ms/);
  await save({ "index.ts": "export const handler = (): string => ;\n" }, /index\.ts:1:\d+/);
  assert.equal((await call()).text, "one");
  await save({ "index.ts": "export const handler = (): string => 'two';\n" }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "two");
});

test("dev reloads a Python function", async (t) => {
  const { call, save, running } = await dev(t, { "main.py": 'def handler(event, context):\n    return "one"\n' });
  await running.printed(/loaded in \d+ ms/);
  await save({ "main.py": 'def handler(event, context):\n    return "two"\n' }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "two");
});

test("dev cancels code that never loads on the next save", async (t) => {
  const { call, save, write, running } = await dev(t, { "index.mjs": respondWith("one") });
  await running.printed(/loaded in \d+ ms/);
  await write("index.mjs", 'console.log("loading");\nawait new Promise(() => setInterval(() => {}, 1000));\n');
  await running.printed(/^loading$/m);
  await save({ "index.mjs": respondWith("two") }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "two");
});

test("dev serves the functions of a faas.json, each with its name before its lines", async (t) => {
  const greet = (word: string) =>
    `export const handler = () => { console.log("said ${word}"); return "${word} " + process.env.MARK; };\n`;
  const project = (mark: string, functions: object) => JSON.stringify({ org: "acme", env: { MARK: mark }, functions });
  const functions = {
    api: { folder: "services/api" },
    copy: { folder: "services/api", env: { MARK: "own" } },
    worker: {},
  };
  const { url, save, running } = await dev(t, {
    "faas.json": project("a", functions),
    "services/api/index.mjs": greet("api"),
    "worker/index.mjs": greet("worker"),
    "worker/faas.json": "{}",
  });
  for (const name of ["api", "copy", "worker"]) await running.printed(new RegExp(`^${name}: loaded in \\d+ ms`, "m"));
  const say = async (name: string) => (await fetch(new URL(`/acme/${name}`, url))).text();
  assert.deepEqual([await say("api"), await say("copy"), await say("worker")], ["api a", "api own", "worker a"]);
  await running.printed(/^worker: said worker$/m);
  await running.printed(/^copy: \S+ GET \/ 200 /m);
  assert.match(running.stderr(), /warning: \S+worker\/faas\.json is not read/);
  await save({ "worker/index.mjs": greet("changed") }, /^worker: loaded in/m);
  assert.deepEqual([await say("api"), await say("worker")], ["api a", "changed a"]);
  await save({ "faas.json": project("b", functions) }, /^api: loaded in/m);
  assert.equal(await say("api"), "api b");
  await save(
    { "faas.json": project("c", { api: {} }) },
    /worker: error: The functions in \S+ have changed: restart "faas dev"/,
  );
  running.interrupt();
  assert.equal((await running.ended).code, 130);
});

for (const [language, file, code] of [
  ["Node", "index.mjs", 'throw new Error("no database");\n'],
  ["Python", "main.py", 'raise RuntimeError("no database")\n'],
] as const)
  test(`dev prints an error of ${language} once, with the path of the user's file`, async (t) => {
    const { running, folder, save } = await dev(t, { [file]: code });
    await running.printed(/no code to serve yet/);
    await running.printed(/ended, because it did not load/);
    const text = running.stdout() + running.stderr();
    const printed = text.split("\n").filter((line) => line.includes("no database") && !/^ +raise /.test(line));
    assert.equal(printed.length, 1, text);
    assert.ok(text.includes(join(folder, file)), text);
    await save({ [file]: code.replace("no database", "no disk") }, /no disk/);
  });

test("dev says at / where the function is", async (t) => {
  const { url } = await dev(t, { "index.mjs": respondWith("one") });
  const response = await fetch(new URL("/", url));
  const { detail } = (await response.json()) as { detail: string };
  assert.deepEqual(
    [response.status, detail],
    [404, 'Expected a path /<org>/<endpoint>, got "/"; the only endpoint is at /dev/fn'],
  );
});

test("dev rejects a missing folder", async (t) => {
  const { code, stderr } = await startHere(t, ["dev", "nowhere"], { cwd: root }).ended;
  assert.equal(code, 1);
  assert.match(stderr, /nowhere.*SOURCE_UNREADABLE/);
});

test("dev reads secrets from .env on every save, and names missing ones", async (t) => {
  const { call, save, running } = await dev(t, {
    "index.mjs": "export const handler = () => [process.env.TOKEN, process.env.OTHER].join();\n",
    "faas.json": JSON.stringify({ secrets: { TOKEN: "api_token" } }),
    ".env": "TOKEN=uno\n",
  });
  await running.printed(/loaded in \d+ ms/);
  assert.equal((await call()).text, "uno,");
  await save({ ".env": "TOKEN=dos\n" }, /loaded in|nothing changed/);
  assert.equal((await call()).text, "dos,");
  const more = JSON.stringify({ secrets: { TOKEN: "api_token", OTHER: "other" } });
  await save({ "faas.json": more }, /OTHER.* no value for it\. Write OTHER=… to .*\.env, which is never deployed/);
  assert.equal((await call()).text, "dos,");
  await save({ ".env": "TOKEN=dos\nOTHER=tres\n" }, /loaded in/);
  assert.equal((await call()).text, "dos,tres");
  assert.doesNotMatch(running.stdout() + running.stderr(), /uno|dos|tres/);
});

test("dev receives webhooks, with secrets from .env", async (t) => {
  const { url, running } = await dev(t, {
    "index.mjs": "export const handler = ({ body }) => console.log('paid', body.order);\n",
    "faas.json": JSON.stringify({ org: "acme", hooks: [{ name: "lab", provider: "token", secret: "HOOK" }] }),
    ".env": "HOOK=dos\n",
  });
  await running.printed(/loaded in \d+ ms/);
  const send = (token: string) =>
    fetch(new URL("/-/hooks/acme/lab", url), {
      method: "POST",
      headers: { "X-Gitlab-Token": token, "Content-Type": "application/json" },
      body: '{"order":7}',
    });
  assert.equal((await send("uno")).status, 401);
  assert.equal((await send("dos")).status, 202);
  await running.printed(/paid 7/);
});

test("dev reloads when a file outside of the folder changes that the code uses", async (t) => {
  const { call, save, running } = await dev(t, {
    "index.ts": 'import { text } from "../shared/s";\nexport const handler = (): string => text;\n',
    "../shared/s.ts": 'import data from "./data.json";\nexport const text: string = "one " + data.a;\n',
    "../shared/data.json": '{"a": 1}',
  });
  await running.printed(/loaded in \d+ ms/);
  assert.equal((await call()).text, "one 1");
  await save({ "../shared/s.ts": "export const text: string = ;\n" }, /still serving the previous code/);
  await save(
    { "../shared/s.ts": 'import data from "./data.json";\nexport const text = "two " + data.a;\n' },
    /loaded in/,
  );
  assert.equal((await call()).text, "two 1");
  await save({ "../shared/data.json": '{"a": 3}' }, /loaded in/);
  assert.equal((await call()).text, "two 3");
});

test("dev reloads when a local package changes", async (t) => {
  const { call, save, running } = await dev(t, {
    "package.json": '{"dependencies":{"lib":"file:../lib"}}',
    "index.js": 'exports.handler = () => require("lib").text;\n',
    "../lib/package.json": '{"name":"lib","version":"1.0.0","main":"src/i.js"}',
    "../lib/src/i.js": 'exports.text = "one";\n',
  });
  await running.printed(/loaded in \d+ ms/);
  assert.equal((await call()).text, "one");
  await save({ "../lib/src/i.js": 'exports.text = "two";\n' }, /loaded in/);
  assert.equal((await call()).text, "two");
});

test("dev sandboxes code as a deployment does", async (t) => {
  if (process.platform !== "linux") return t.skip("the sandbox needs Linux");
  const source = `import { readFileSync, writeFileSync } from "node:fs";
export const handler = () => {
  writeFileSync("/tmp/dev-test", "own");
  try { return readFileSync(${JSON.stringify(import.meta.filename)}, "utf8"); } catch (error) { return error.code; }
};
`;
  const { call } = await dev(t, { "index.mjs": source });
  assert.match((await call()).text, /^(?:EACCES|ENOENT)$/);
  assert.ok(!existsSync("/tmp/dev-test"));
});

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { startHere } from "../testing/test-cli.ts";

const root = await mkdtemp(join(tmpdir(), "faas-dev-test-"));
// What `faas dev` leaves in the folder for temporary files is seen at the end.
const temporary = join(root, "tmp");
await mkdir(temporary);
process.env.TMPDIR = temporary;
after(() => rm(root, { recursive: true, force: true }));

const answering = (text: string) => `export const handler = () => ${JSON.stringify(text)};\n`;

let count = 0;
/** `faas dev` on a folder with these files, once it has its URL. */
async function dev(t: TestContext, files: Record<string, string>) {
  const folder = join(root, String(count++));
  const write = async (name: string, text: string) => {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    // As editors do it: a new file renamed over the old one.
    await writeFile(`${path}~`, text);
    await rename(`${path}~`, path);
  };
  for (const [name, text] of Object.entries(files)) await write(name, text);
  const running = startHere(t, ["dev", ".", "--port", "0"], { cwd: folder });
  const [url] = await running.printed(/^http:\S+(?=\n)/m);
  const call = async (path = "") => {
    const response = await fetch(url + path);
    return { status: response.status, text: await response.text() };
  };
  /** Saves, and waits for what is told of it. */
  const save = async (changes: Record<string, string>, told: RegExp) => {
    const from = running.stderr().length;
    for (const [name, text] of Object.entries(changes)) await write(name, text);
    return running.printed(told, from);
  };
  return { folder, url, running, write, call, save };
}

test("a saved change is answered with, and one that does not load leaves the code from before", async (t) => {
  const { call, save, running, folder } = await dev(t, { "index.mjs": answering("one") });
  await running.printed(/loaded in \d+ ms/);
  assert.equal((await call()).text, "one");

  await save({ "index.mjs": answering("two") }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "two");

  await save({ "index.mjs": "\n\nconst = 3;\n" }, /the code from before goes on serving/);
  assert.match(running.stderr(), /index\.mjs:3/);
  assert.ok(!running.stderr().includes(temporary), "files are named where the user has them");
  assert.deepEqual(await call(), { status: 200, text: "two" });

  await save({ "index.mjs": answering("four") }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "four");

  running.interrupt();
  assert.equal((await running.ended).code, 130);
  assert.deepEqual(await readdir(temporary), [], "nothing is left behind");
  assert.ok((await readdir(folder)).includes("index.mjs"));
});

test("code that does not load at first answers 502 with the reason, until a save mends it", async (t) => {
  const { call, save, running } = await dev(t, { "index.mjs": 'throw new Error("no luck");\n' });
  await running.printed(/there is no code yet that can serve/);
  const { status, text } = await call();
  assert.equal(status, 502);
  assert.match(text, /no luck/);
  await save({ "index.mjs": answering("mended") }, /loaded in \d+ ms/);
  assert.deepEqual(await call(), { status: 200, text: "mended" });
});

test("requests and what the function prints are shown as they come", async (t) => {
  const source = 'export const handler = ({ path }) => { console.log("saw", path); return { status: 418 }; };\n';
  const { call, running } = await dev(t, { "index.mjs": source });
  await call("/tea?cups=2");
  await running.printed(/saw \/tea/);
  await running.printed(/GET \/tea\?cups=2 418 [\d.]+ ms/);
  assert.match(running.stdout(), /^http:\S+\nsaw \/tea\n$/);
});

test("files of a new folder are loaded", async (t) => {
  const { call, save, running } = await dev(t, { "index.mjs": answering("one") });
  await running.printed(/loaded in \d+ ms/);
  await save({ "lib/words.mjs": 'export const word = "from lib";\n' }, /loaded in \d+ ms/);
  const handler = 'import { word } from "./lib/words.mjs";\nexport const handler = () => word;\n';
  await save({ "index.mjs": handler }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "from lib");
  await save({ "lib/words.mjs": 'export const word = "changed";\n' }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "changed");
});

test("ignored files, and those that an editor makes for a moment, are not looked at", async (t) => {
  const { save, write, running } = await dev(t, { "index.mjs": answering("one"), ".gitignore": "notes/\n" });
  await running.printed(/loaded in \d+ ms/);
  await write("notes/a.txt", "not deployed");
  await write(".index.mjs.swp", "vim's");
  // Longer than changes are collected: they would be told of before the next save is.
  await delay(200);
  await save({ "index.mjs": answering("two") }, /loaded in \d+ ms/);
  assert.doesNotMatch(running.stderr(), /nothing changed/);
  assert.equal(running.stderr().match(/loaded in/g)?.length, 2);
});

test("settings of faas.json are taken when it is saved; a mistake in it is shown with its line", async (t) => {
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

test("a manifest that does not parse is shown, and the next save goes on", async (t) => {
  const { call, save, running } = await dev(t, { "index.mjs": answering("one"), "package.json": "{}" });
  await running.printed(/loaded in \d+ ms/);
  await save({ "package.json": "{ half" }, /package\.json:1:3: .*MANIFEST_INVALID/);
  assert.equal((await call()).text, "one");
  await save({ "package.json": "{}", "index.mjs": answering("two") }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "two");
});

test("TypeScript is compiled on every save, and a mistake named with its line", async (t) => {
  const { call, save, running } = await dev(t, { "index.ts": "export const handler = (): string => 'one';\n" });
  await running.printed(/loaded in \d+ ms/);
  await save({ "index.ts": "export const handler = (): string => ;\n" }, /index\.ts:1:\d+/);
  assert.equal((await call()).text, "one");
  await save({ "index.ts": "export const handler = (): string => 'two';\n" }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "two");
});

test("a Python function is reloaded too", async (t) => {
  const { call, save, running } = await dev(t, { "main.py": 'def handler(event, context):\n    return "one"\n' });
  await running.printed(/loaded in \d+ ms/);
  await save({ "main.py": 'def handler(event, context):\n    return "two"\n' }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "two");
});

test("code that never ends loading is given up for the next save", async (t) => {
  const { call, save, write, running } = await dev(t, { "index.mjs": answering("one") });
  await running.printed(/loaded in \d+ ms/);
  await write("index.mjs", 'console.log("loading");\nawait new Promise(() => setInterval(() => {}, 1000));\n');
  await running.printed(/^loading$/m);
  await save({ "index.mjs": answering("two") }, /loaded in \d+ ms/);
  assert.equal((await call()).text, "two");
});

test("a folder that is not there is refused", async (t) => {
  const { code, stderr } = await startHere(t, ["dev", "nowhere"], { cwd: root }).ended;
  assert.equal(code, 1);
  assert.match(stderr, /nowhere.*SOURCE_UNREADABLE/);
});

test("secrets come from .env, which is looked at again when it changes; what is missing is named", async (t) => {
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
  await save({ "faas.json": more }, /OTHER.* no value for it: write OTHER=… into .*\.env, which is never deployed/);
  assert.equal((await call()).text, "dos,");
  await save({ ".env": "TOKEN=dos\nOTHER=tres\n" }, /loaded in/);
  assert.equal((await call()).text, "dos,tres");
  assert.doesNotMatch(running.stdout() + running.stderr(), /uno|dos|tres/);
});

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { tempDir } from "@faas/testing";
import { prepareFolder } from "../bundle/prepare-folder.ts";
import { type Files, sourceFolder, writeFiles } from "../testing/source-folder.ts";

/** Packages for all tests; nothing is installed. */
const PACKAGES: Files = {
  "node_modules/cjs-only/package.json": '{"name":"cjs-only","version":"1.0.0"}',
  // Node cannot see these names in the text.
  "node_modules/cjs-only/index.js": 'for (const name of ["chunk", "head"]) exports[name] = () => name;\n',
  "node_modules/esm-only/package.json": '{"name":"esm-only","version":"1.0.0","type":"module","exports":"./index.js"}',
  "node_modules/esm-only/index.js": 'export default () => "esm"; export const named = "named";\n',
  "node_modules/reflect-metadata/package.json": '{"name":"reflect-metadata"}',
  "node_modules/reflect-metadata/index.js":
    "Reflect.metadata = (key, value) => (target, name) => { (target.types ??= {})[name ?? key] = value; };\n",
};

/** Compiles a folder and returns what its handler returns, in a process of its own, or the text of the error. */
async function result(files: Files, at = "."): Promise<unknown> {
  const root = await sourceFolder(files);
  const prepared = await prepareFolder(join(root, at), { cacheDir: tempDir("cache") });
  const run = tempDir("run");
  await using _ = prepared;
  await writeFiles(run, PACKAGES);
  spawnSync("cp", ["-R", `${prepared.folder}/.`, run]);
  const entry = ["index.mjs", "index.js", "index.cjs"].map((name) => pathToFileURL(join(run, name)).href);
  await writeFile(
    join(run, "run.mjs"),
    `import { existsSync } from "node:fs"; import { fileURLToPath } from "node:url"; process.setSourceMapsEnabled(true);
     const entry = ${JSON.stringify(entry)}.find((url) => existsSync(fileURLToPath(url)));
     const module = await import(entry);
     console.log(JSON.stringify(await (module.handler ?? module.default.handler ?? module.default.default)()));`,
  );
  const { stdout, stderr } = spawnSync(process.execPath, [join(run, "run.mjs")], { encoding: "utf8", cwd: run });
  return stdout === "" ? stderr : JSON.parse(stdout);
}

const MODULE = { "package.json": '{"type":"module"}' };
const COMMONJS = { "tsconfig.json": '{"compilerOptions":{"module":"commonjs","strict":true}}' };

const CASES: readonly (readonly [title: string, files: Files, expected: unknown, at?: string])[] = [
  [
    "require of a builtin module, in a CommonJS project",
    {
      ...COMMONJS,
      "index.ts": 'import { base } from "./lib/legacy";\nexport const handler = () => base("/a/b.txt");\n',
      "lib/legacy.js": 'const path = require("path");\nmodule.exports = { base: (p) => path.basename(p) };\n',
    },
    "b.txt",
  ],
  [
    "require and __dirname, in an ES module",
    {
      ...MODULE,
      "index.ts":
        'const { basename } = require("path");\nexport const handler = () => [basename("/a/b"), require("fs").readFileSync(__dirname + "/a.txt", "utf8"), basename(__filename)];\n',
      "a.txt": "text",
    },
    ["b", "text", "index.js"],
  ],
  [
    "a require that the module creates itself",
    {
      ...MODULE,
      "index.ts":
        'import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);\nexport const handler = () => require("./lib/value.js").value;\n',
      "lib/package.json": '{"type":"commonjs"}',
      "lib/value.ts": "export const value: number = 3;\n",
    },
    3,
  ],
  [
    "named and default imports of a CommonJS package, in a CommonJS project",
    {
      "index.ts":
        'import all, { chunk } from "cjs-only";\nimport * as space from "cjs-only";\nexport const handler = () => [chunk(), all.head(), space.head()];\n',
    },
    ["chunk", "head", "head"],
  ],
  [
    "an ES module package, in a CommonJS project",
    {
      "index.ts":
        'import esm, { named } from "esm-only";\nexport const handler = async () => [esm(), named, (await import("esm-only")).default()];\n',
    },
    ["esm", "named", "esm"],
  ],
  [
    "import x = require and export =",
    {
      ...COMMONJS,
      "index.ts":
        'import legacy = require("./legacy");\nimport path = require("path");\nexport const handler = () => [legacy.value, path.sep];\n',
      "legacy.ts": "const legacy = { value: 1 };\nexport = legacy;\n",
    },
    [1, "/"],
  ],
  [
    "import.meta in a CommonJS project",
    {
      "index.ts":
        'import { readFileSync } from "node:fs";\nexport const handler = () => [readFileSync(new URL("./a.txt", import.meta.url), "utf8"), import.meta.dirname === __dirname, /lib.m?js$/.test(import.meta.resolve("./lib")), import.meta.resolve("fs")];\n',
      "lib.ts": "",
      "a.txt": "text",
    },
    ["text", true, true, "node:fs"],
  ],
  [
    "top-level await",
    {
      "index.ts":
        'import { later } from "./lib/later";\nimport config from "./config.json";\nimport all from "./plain";\nconst value = await later();\nexport const handler = () => [value, config.a, all.b, __dirname === import.meta.dirname, require("./config.json").a];\n',
      "lib/later.ts": "export const later = async () => 1;\n",
      "plain.js": "module.exports = { b: 2 };\n",
      "config.json": '{"a":1}',
    },
    [1, 1, 2, true, 1],
  ],
  [
    "imports without extension, with .js, with .ts, and of a folder",
    {
      ...MODULE,
      "tsconfig.json": '{"compilerOptions":{"module":"preserve","moduleResolution":"bundler"}}',
      "index.ts":
        'import { a } from "./a";\nimport { b } from "./b.js";\nimport { c } from "./c.ts";\nimport { d } from "./d";\nimport { e } from "./e.mjs";\nexport * from "./f";\nexport const handler = () => [a, b, c, d, e];\n',
      ...{ "a.ts": "export const a = 1;", "b.ts": "export const b = 2;", "c.ts": "export const c = 3;" },
      ...{ "d/index.ts": "export const d = 4;", "e.mts": "export const e = 5;", "f.tsx": "export const f = 6;" },
    },
    [1, 2, 3, 4, 5],
  ],
  [
    "paths and baseUrl of tsconfig.json, also from a base with comments",
    {
      ...MODULE,
      "base.json": '{\n  // Comment\n  "compilerOptions": {"paths":{"@/*":["./src/*"], "config":["./config.ts"],},}\n}',
      "tsconfig.json": '{"extends":"./base.json"}',
      "index.ts":
        'import { a } from "@/lib/a";\nimport { c } from "config";\nexport const handler = async () => [a, c, (await import("@/lib/a")).a];\n',
      "src/lib/a.ts": "export const a = 1;",
      "config.ts": "export const c = 2;",
    },
    [1, 2, 1],
  ],
  [
    "JSON with and without attributes, and text, in an ES module",
    {
      ...MODULE,
      "index.ts":
        'import data, { name } from "./data.json";\nimport same from "./data.json" with { type: "json" };\nimport text from "./a.txt";\nexport const handler = async () => [data.name, name, same.name, text, (await import("./data.json")).default.name];\n',
      "data.json": '{"name":"n","default":1,"a-b":2,"class":3}',
      "a.txt": "text",
    },
    ["n", "n", "n", "text", "n"],
  ],
  [
    "JSON and text in a CommonJS project",
    {
      "index.ts":
        'import data, { name } from "./data.json";\nimport text from "./a.txt";\nexport const handler = async () => [data.name, name, text, require("./data.json").name, (await import("./data.json")).default.name];\n',
      "data.json": '{"name":"n"}',
      "a.txt": "text",
    },
    ["n", "n", "text", "n", "n"],
  ],
  [
    "a default export behind import() in a CommonJS project",
    {
      "index.ts":
        'export const handler = async () => { const name = "b"; return [(await import("./a")).default, (await import("./" + name + ".js")).default, (await import("./" + name + ".ts")).default]; };\n',
      "a.ts": "export default 1;\n",
      "b.ts": "export default 2;\n",
    },
    [1, 2, 2],
  ],
  [
    "names that are only types, imported and exported again without saying so",
    {
      ...MODULE,
      "index.ts":
        'import { type Kind, User } from "./models";\nimport { Options } from "./options";\nexport { Options };\nexport const handler = (user?: User, kind?: Kind) => [user ?? 1, kind ?? 2, value()];\nimport { value } from "./models";\n',
      "models/index.ts": 'export { User, Kind, value } from "./user";\nexport * from "./more";\n',
      "models/user.ts":
        "export interface User { name: string }\nexport type Kind = 1;\nexport const value = () => 3;\n",
      "models/more.ts": "export type More = 1;\n",
      "options.ts": "export interface Options { a: 1 }\n",
    },
    [1, 2, 3],
  ],
  [
    "enums, namespaces, parameter properties and JSX",
    {
      "index.ts":
        'import { A } from "./lib";\nimport { view } from "./view";\nexport const handler = () => [A.K.Two, new A.C(3).n, view];\n',
      "lib.ts":
        "export namespace A { export enum K { One, Two } export class C { constructor(readonly n: number) {} } }\n",
      "view.tsx": "const h = (tag: string, _: unknown, child: string) => tag + child;\nexport const view = <b>x</b>;\n",
      "tsconfig.json": '{"compilerOptions":{"jsx":"react","jsxFactory":"h"}}',
    },
    [1, 3, "bx"],
  ],
  [
    "JavaScript with import and export, in a CommonJS project",
    {
      "index.ts": 'import value from "./a";\nexport const handler = () => value;\n',
      "a.js": 'import { b } from "./b";\nexport default b;\n',
      "b.ts": "export const b: number = 5;\n",
    },
    5,
  ],
  [
    "a cycle of imports",
    {
      "index.ts": 'import { a } from "./a";\nexport const handler = () => a(3);\n',
      "a.ts": 'import { b } from "./b";\nexport const a = (n: number): string => (n === 0 ? "end" : b(n - 1));\n',
      "b.ts": 'import { a } from "./a";\nexport const b = (n: number): string => a(n);\n',
    },
    "end",
  ],
  [
    "files outside of the folder",
    {
      "fn/index.ts":
        'import { s, data } from "../shared/s.ts";\nimport { t } from "../t";\nexport const handler = () => [s, data.a, t.t];\n',
      "shared/s.ts": 'import { u } from "./u";\nexport const s = u;\nexport { default as data } from "./data.json";\n',
      "shared/u.ts": 'export const u = "u";\n',
      "shared/data.json": '{"a":1}',
      "t.js": "exports.t = { t: 2 };\n",
    },
    ["u", 1, 2],
    "fn",
  ],
  [
    "workers by URL, by path and by name, with computed imports",
    {
      "index.ts": `import { Worker } from "node:worker_threads";
import { fork } from "node:child_process";
import { join } from "node:path";
const answer = (worker: Worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
const childAnswer = (child: ReturnType<typeof fork>) => new Promise((resolve, reject) => child.once("message", (m) => { child.kill(); resolve(m); }).once("error", reject));
export const handler = async () => [
  await answer(new Worker(new URL("./lib/job.ts", import.meta.url))),
  await answer(new Worker(new URL("lib/job.js", import.meta.url))),
  await answer(new Worker(join(__dirname, "lib", "job.ts"))),
  await answer(new Worker("./lib/job.ts")),
  await childAnswer(fork("./lib/child.ts")),
];
`,
      "lib/job.ts":
        'import { parentPort } from "node:worker_threads";\nimport { n } from "./n";\nparentPort!.postMessage(n);\n',
      "lib/child.ts": 'import { n } from "./n";\nprocess.send!(n);\n',
      "lib/n.ts": "enum N { A = 42 }\nexport const n: number = N.A;\n",
    },
    [42, 42, 42, 42, 42],
  ],
  [
    "names of decorated classes, with experimental decorators and with standard ones",
    {
      ...MODULE,
      "tsconfig.json": '{"compilerOptions":{"experimentalDecorators":true}}',
      "standard/tsconfig.json": "{}",
      "standard/a.ts":
        "const seen: string[] = [];\nfunction note(c: any, _?: unknown): void { seen.push(c.name); }\n@note\nexport class A { static self = A.name; }\nexport const names = [...seen, A.self, A.name];\n",
      "index.ts":
        'import { names } from "./standard/a";\nconst seen: string[] = [];\nfunction note(c: any): void { seen.push(c.name); }\n@note\nclass B { static make() { return new B(); } }\nexport const handler = () => [...names, ...seen, B.name, B.make().constructor.name];\n',
    },
    ["A", "A", "A", "B", "B", "B"],
  ],
  [
    "metadata of nullable types before TypeScript 6",
    {
      "package.json": '{"type":"module","devDependencies":{"typescript":"^5.9.0"}}',
      "tsconfig.json": '{"compilerOptions":{"experimentalDecorators":true,"emitDecoratorMetadata":true}}',
      "index.ts":
        '(Reflect as any).metadata = (key: string, value: any) => (target: any) => { target[key] = value.name; };\nconst column: any = () => undefined;\nclass A {\n  @column text!: string | null;\n}\nexport const handler = () => (A.prototype as any)["design:type"];\n',
    },
    "String",
  ],
  [
    "decorators with metadata",
    {
      "index.ts": `import "reflect-metadata";
import { Service } from "./service";
import type { Later } from "./service";
const dec: any = () => {};
class User { @dec name!: string; @dec age!: number; @dec service!: Service; @dec later!: Later; constructor(private s?: Service) {} }
export const handler = () => Object.entries((User.prototype as any).types).map(([k, v]: any) => [k, v.name]);
`,
      "service.ts": "export class Service {}\nexport interface Later {}\n",
      "tsconfig.json": '{"compilerOptions":{"experimentalDecorators":true,"emitDecoratorMetadata":true}}',
    },
    [
      ["name", "String"],
      ["age", "Number"],
      ["service", "Service"],
      ["later", "Object"],
    ],
  ],
];

for (const [title, files, expected, at] of CASES)
  test(`compiled TypeScript runs with ${title}`, async () => {
    assert.deepEqual(await result(files, at), expected);
  });

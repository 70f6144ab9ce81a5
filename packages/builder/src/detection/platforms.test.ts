import assert from "node:assert/strict";
import { chmod, copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readSource } from "../source/source.ts";
import { detectedSettings } from "../testing/detected-settings.ts";
import { type Files, sourceFolder } from "../testing/source-folder.ts";
import { programFormat } from "./binary.ts";
import { detectApp } from "./detect-app.ts";

const WORKER = "export default { async fetch(request, env) { return new Response(env.A); } };";
const LAMBDA = "exports.handler = async (event) => respond(event);";

const CASES: readonly (readonly [name: string, files: Files, expected: object | RegExp])[] = [
  [
    "wrangler.toml",
    { "wrangler.toml": 'name = "x"\nmain = "src/worker.js"\n[vars]\nA = "b"\nN = 1\n', "src/worker.js": WORKER },
    {
      app: "fetch",
      handler: "src/worker.default",
      env: { A: "b", N: "1" },
      description: "Cloudflare Worker, src/worker.js",
    },
  ],
  [
    "wrangler.jsonc",
    {
      "wrangler.jsonc": '{\n  // comment\n  "main": "src/index.ts", "vars": { "A": "b", },\n}\n',
      "src/index.ts": WORKER,
    },
    { app: "fetch", handler: "src/index.default", env: { A: "b" }, description: "Cloudflare Worker, src/index.ts" },
  ],
  ["a Worker without its file", { "wrangler.toml": 'main = "dist/x.js"\n' }, /names dist\/x\.js, which is missing/],
  [
    "a SAM template",
    {
      "template.yaml":
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  Hello:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: src/\n      Handler: app.handler\n      Runtime: nodejs22.x\n      Environment:\n        Variables:\n          TABLE: !Ref Table\n          MODE: fast\n",
      "src/app.js": LAMBDA,
    },
    {
      signature: "lambda",
      handler: "src/app.handler",
      env: { TABLE: "Table", MODE: "fast" },
      description: "AWS Lambda function, src/app.js",
    },
  ],
  [
    "a SAM function with its own packages",
    {
      "template.yaml":
        "Resources:\n  A:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: hello/\n      Handler: app.handler\n",
      "hello/app.js": LAMBDA,
      "hello/package.json": "{}",
    },
    /is in hello\/?, with its own packages: deploy that folder/,
  ],
  [
    "serverless.yml",
    {
      "serverless.yml": "service: x\nprovider:\n  name: aws\nfunctions:\n  a:\n    handler: lib/a.run\n",
      "lib/a.py": "def run(event, context):\n    return {}\n",
    },
    { signature: "lambda", handler: "lib/a.run", description: "AWS Lambda function, lib/a.py" },
  ],
  [
    "serverless.yml with several functions",
    {
      "serverless.yml": "provider:\n  name: aws\nfunctions:\n  a:\n    handler: a.run\n  b:\n    handler: b.run\n",
      "a.js": LAMBDA,
      "b.js": LAMBDA,
    },
    /has 2 functions.*--handler a\.run or b\.run/,
  ],
  [
    "func.yaml for Node",
    {
      "func.yaml": "name: x\nruntime: node\n",
      "package.json": '{"main":"index.js"}',
      "index.js": "const handle = async (context, body) => body;\nmodule.exports = { handle };",
    },
    { signature: "knative", handler: "index.handle", description: "Knative function, index.js" },
  ],
  [
    "func.yaml for Python",
    {
      "func.yaml": "runtime: python\n",
      "function/func.py": "def new():\n    return Function()\n",
      "pyproject.toml": "",
    },
    { signature: "knative", handler: "function/func.new", description: "Knative function, function/func.py" },
  ],
  [
    "stack.yml",
    {
      "stack.yml": "provider:\n  name: openfaas\nfunctions:\n  x:\n    lang: node22\n    handler: ./x\n",
      "x/handler.js": "module.exports = async (event, context) => 1",
    },
    { signature: "openfaas", handler: "x/handler.default", description: "OpenFaaS function, x/handler.js" },
  ],
  [
    "Next.js that is not built",
    { "package.json": '{"scripts":{"build":"next build","start":"next start"},"dependencies":{"next":"*"}}' },
    /next start needs \.next\/BUILD_ID, which is not deployed; run npm run build first, and add "!\.next\/"/,
  ],
  [
    "a Procfile with a missing program",
    { Procfile: "web: bin/app -port=$PORT\n", "go.mod": "module x\n" },
    /source of a Go project; build it first/,
  ],
  [
    "a Procfile with a missing script",
    { Procfile: "web: bin/start.sh\n", "a.txt": "" },
    /Procfile names bin\/start\.sh, which is missing/,
  ],
  [
    "a Procfile with several commands",
    { Procfile: "web: cd server && node index.js\n", "server/index.js": "" },
    {
      app: "server",
      command: "cd server && node index.js",
      description: "Node server, Procfile: cd server && node index.js",
    },
  ],
  [
    "the source of a Go program",
    { "go.mod": "module x\n", "main.go": "package main\n" },
    /source of a Go project; build it first \(CGO_ENABLED=0 .*or add a Dockerfile/,
  ],
  [
    "the source of a Rust program",
    { "Cargo.toml": "[package]\n", "src/main.rs": "fn main() {}\n" },
    /source of a Rust project; build it first \(cargo build/,
  ],
  [
    "the source of a Ruby app",
    { Gemfile: "", "config.ru": "" },
    /source of a Ruby project; faas has no runtime for it/,
  ],
  ["nothing that is known", { "notes.txt": "" }, /--app, or --command/],
];

for (const [name, files, expected] of CASES)
  test(`detects ${name}`, async () => {
    if (expected instanceof RegExp) await assert.rejects(detectedSettings(files), { message: expected });
    else assert.deepEqual(await detectedSettings(files), expected);
  });

/** Makes a folder with a program: that of this process, or a file that begins like one. */
async function folderWith(head: Buffer | undefined, mode: number): Promise<string> {
  const folder = await sourceFolder(head ? { server: "" } : {});
  if (head) await writeFile(join(folder, "server"), head);
  else await copyFile("/bin/true", join(folder, "server"));
  await chmod(join(folder, "server"), mode);
  return folder;
}

const detectIn = async (folder: string) => detectApp(await readSource(folder, 2 ** 30));

test("detects a single program for this machine", { skip: process.platform !== "linux" }, async () => {
  const { runtime, app, command, description } = await detectIn(await folderWith(undefined, 0o755));
  assert.deepEqual(
    { runtime, app, command, description },
    { runtime: "binary", app: "server", command: ["./server"], description: "Server, ./server" },
  );
  await assert.rejects(detectIn(await folderWith(undefined, 0o644)), {
    message: /server is not executable: run chmod/,
  });
});

test("says what is wrong with a program for another system", async () => {
  const macOs = Buffer.alloc(64);
  macOs.writeUInt32BE(0xcffaedfe);
  await assert.rejects(detectIn(await folderWith(macOs, 0o755)), {
    code: "RUNTIME_UNKNOWN",
    message: /program for macOS/,
  });
  const windows = Buffer.concat([Buffer.from("MZ"), Buffer.alloc(62)]);
  await assert.rejects(detectIn(await folderWith(windows, 0o755)), { message: /program for Windows/ });
  const riscV = Buffer.alloc(64);
  riscV.write("\x7fELF\x02\x01", "latin1");
  riscV.writeUInt16LE(2, 16);
  riscV.writeUInt16LE(243, 18);
  await assert.rejects(detectIn(await folderWith(riscV, 0o755)), { message: /built for an unknown processor/ });
});

test("takes a Java class for no program", () => {
  const javaClass = Buffer.alloc(64);
  javaClass.writeUInt32BE(0xcafebabe);
  javaClass.writeUInt32BE(61, 4);
  assert.equal(programFormat(javaClass), undefined);
});

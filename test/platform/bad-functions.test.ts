import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Problem } from "@faas/core";
import { FaasProcess, type Up } from "@faas/testing";

/** Functions that do what they should not: what who deploys or calls them sees, and that nobody else suffers. */

const BUSY = "that never stops computing";

interface Code {
  readonly file: string;
  readonly code: string;
}

describe("bad functions", { concurrency: 2 }, () => {
  let faas: FaasProcess;
  let server: Up;

  before(async () => {
    faas = await FaasProcess.create();
    server = await faas.up();
    const { code, stderr } = await faas.deploy("bystander", { "index.mjs": "export const handler = () => 'fine';\n" });
    assert.equal(code, 0, stderr);
  });
  after(async () => {
    assert.equal(await (await fetch(`${server.url}/acme/bystander`)).text(), "fine");
    assert.equal(server.child.exitCode, null, server.stderr());
    await faas[Symbol.asyncDispose]();
  });

  const deploy = (name: string, { file, code }: Code, ...more: string[]) =>
    faas.deploy(name, { [file]: code }, ...more);
  const call = (name: string, path = "") =>
    fetch(`${server.url}/acme/${name}${path}`, { signal: AbortSignal.timeout(20_000) });
  const node = (code: string): Code => ({ file: "index.mjs", code });
  const python = (code: string): Code => ({ file: "main.py", code });

  const refused: [string, Code, string[], RegExp][] = [
    ["a handler that is not in the file", node("export const other = () => 1;\n"), ["--handler", "index.nope"], /nope/],
    ["a handler whose file is not there", node("export const handler = 1;\n"), ["--handler", "gone.handler"], /gone/],
    ["a handler that is no function", node("export const handler = 42;\n"), [], /index\.mjs[\s\S]*function/],
    ["code that throws when it is loaded", node("\nthrow new Error('no luck');\n"), [], /index\.mjs:2: Error: no luck/],
    ["code that ends the process when it is loaded", node("process.exit(7);\n"), [], /exit code 7/],
    [
      "code that allocates without end when it is loaded",
      node("const a = []; for (;;) a.push(new Array(1e5).fill(1));\n"),
      ["--memory", "64Mi"],
      /memory|heap/i,
    ],
    [
      "Python: a handler that is not in the file",
      python("def other(event, context): return 1\n"),
      ["--handler", "main.nope"],
      /nope/,
    ],
    ["Python: a handler that is no function", python("handler = 42\n"), [], /main\.py[\s\S]*function|callable/],
    [
      "Python: code that throws when it is loaded",
      python("\nraise ValueError('no luck')\n"),
      [],
      /main\.py:2: ValueError: no luck/,
    ],
    ["Python: code that ends the process when it is loaded", python("import os\nos._exit(7)\n"), [], /exit code 7/],
  ];
  for (const [index, [what, code, more, message]] of refused.entries()) {
    test(`${what}: the deployment fails with the reason`, async () => {
      const { code: exitCode, stderr, stdout } = await deploy(`refused-${index}`, code, ...more);
      assert.deepEqual([exitCode, stdout], [1, ""], stderr);
      assert.match(stderr, message);
      assert.match(stderr, /\((DEPLOY_FAILED|HANDLER_NOT_FOUND)\)/);
      assert.doesNotMatch(stderr, /\n {4}at .*node_modules/);
    });
  }

  const onPath = "event.path === '/bad'";
  for (const [what, code, settings, status, problemCode] of [
    [
      "that never returns",
      node(`export const handler = (event) => ${onPath} ? new Promise(() => {}) : "fine";\n`),
      ["--timeout", "300ms"],
      504,
      "FUNCTION_TIMEOUT",
    ],
    [
      BUSY,
      node(`export const handler = (event) => { while (${onPath}); return "fine"; };\n`),
      ["--timeout", "300ms"],
      504,
      "FUNCTION_TIMEOUT",
    ],
    [
      "that ends its process",
      node(`export const handler = (event) => ${onPath} ? process.exit(9) : "fine";\n`),
      [],
      502,
      "REPLICA_EXITED",
    ],
    [
      "that allocates without end",
      node(
        `const all = [];\nexport const handler = async (event) => { while (${onPath}) { all.push(Buffer.alloc(2 ** 22, 1)); await new Promise((done) => setTimeout(done, 5)); } return "fine"; };\n`,
      ),
      ["--memory", "128Mi"],
      502,
      "OUT_OF_MEMORY",
    ],
    [
      "that allocates all at once",
      node(
        `const all = [];\nexport const handler = (event) => { while (${onPath}) all.push(Buffer.allocUnsafe(2 ** 26).fill(1)); return "fine"; };\n`,
      ),
      ["--memory", "128Mi"],
      502,
      "OUT_OF_MEMORY",
    ],
    [
      "that fills its heap",
      node(
        `const all = [];\nexport const handler = (event) => { while (${onPath}) all.push(new Array(1e5).fill({})); return "fine"; };\n`,
      ),
      ["--memory", "128Mi"],
      502,
      "OUT_OF_MEMORY",
    ],
    [
      "in Python that never returns",
      python(
        "import threading\ndef handler(event, context):\n    if event.path == '/bad':\n        threading.Event().wait()\n    return 'fine'\n",
      ),
      ["--timeout", "300ms"],
      504,
      "FUNCTION_TIMEOUT",
    ],
    [
      "in Python that ends its process",
      python(
        "import os\ndef handler(event, context):\n    if event.path == '/bad':\n        os._exit(9)\n    return 'fine'\n",
      ),
      [],
      502,
      "REPLICA_EXITED",
    ],
    [
      "in Python that allocates without end",
      python(
        "import time\nkept = []\ndef handler(event, context):\n    while event.path == '/bad':\n        kept.append(bytes([1]) * 2**22)\n        time.sleep(0.005)\n    return 'fine'\n",
      ),
      ["--memory", "128Mi"],
      502,
      "OUT_OF_MEMORY",
    ],
    [
      "in Python that allocates all at once",
      python(
        "kept = []\ndef handler(event, context):\n    while event.path == '/bad':\n        kept.append(bytearray(b'x') * 2**26)\n    return 'fine'\n",
      ),
      ["--memory", "128Mi"],
      502,
      "OUT_OF_MEMORY",
    ],
  ] as [string, Code, string[], number, string][]) {
    test(`a function ${what}: ${status} ${problemCode}, and the next call is answered`, async () => {
      const name = `does-${what.replaceAll(/[^a-z]+/gi, "-").toLowerCase()}`.slice(0, 60);
      const { code: exitCode, stderr } = await deploy(name, code, ...settings);
      assert.equal(exitCode, 0, stderr);
      assert.equal(await (await call(name)).text(), "fine");
      const answer = await call(name, "/bad");
      const problem = (await answer.json()) as Problem;
      assert.deepEqual([answer.status, problem.code], [status, problemCode], problem.detail);
      let next = await call(name);
      // A thread that computes can only be ended with its process, which is done when it has not answered for some seconds.
      for (const end = Date.now() + 20_000; what === BUSY && next.status === 504 && Date.now() < end; )
        next = await call(name);
      assert.deepEqual([next.status, await next.text()], [200, "fine"]);
      if (status === 502) assert.match((await faas.run(["logs", `acme/${name}`])).stdout, /\[faas\] replica .*: /);
    });
  }

  test("a function that writes 100 MB of logs: the call is answered, the disk is not filled, the end is kept", async () => {
    const code = `const line = "x".repeat(999) + "\\n";
export const handler = () => {
  for (let i = 0; i < 100_000; i++) process.stdout.write(line);
  console.log("the end");
  return "fine";
};
`;
    assert.equal((await deploy("noisy", node(code))).code, 0);
    assert.equal(await (await call("noisy")).text(), "fine");
    // What is printed may come after the answer.
    for (const deadline = Date.now() + 20_000; ; ) {
      if (/the end/.test((await faas.run(["logs", "acme/noisy", "--tail", "1"])).stdout)) break;
      assert.ok(Date.now() < deadline, "the end never came");
    }
    const folder = join(faas.data, "logs/acme/noisy");
    let bytes = 0;
    for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
    assert.ok(bytes < 16 * 2 ** 20, `${bytes} bytes of logs`);
  });
});

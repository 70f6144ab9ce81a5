import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Language, languages, type Problem } from "@faas/core";
import { FaasProcess, type RunningServer } from "@faas/testing";
import { runHere } from "../../packages/cli/src/testing/test-cli.ts";

/** Functions that do what they should not: what who deploys or calls them sees, and that nobody else suffers. */

interface Refused {
  readonly what: string;
  readonly code: string;
  readonly settings?: readonly string[];
  readonly message: RegExp;
}

interface Misbehaving {
  readonly what: string;
  readonly code: string;
  readonly settings?: readonly string[];
  readonly status: number;
  readonly problem: string;
  /** Whether only the end of its process ends the call: that takes some seconds. */
  readonly isStuck?: boolean;
}

interface BadFunctions {
  readonly file: string;
  readonly refused: readonly Refused[];
  readonly misbehaving: readonly Misbehaving[];
}

const TIMEOUT = { settings: ["--timeout", "300ms"], status: 504, problem: "FUNCTION_TIMEOUT" } as const;
const EXITED = { status: 502, problem: "REPLICA_EXITED" } as const;
const NO_MEMORY = { settings: ["--memory", "128Mi"], status: 502, problem: "OUT_OF_MEMORY" } as const;
const onPath = "event.path === '/bad'";

/** In JavaScript that is TypeScript as well. */
const onNode = (file: string, event: string): BadFunctions => ({
  file,
  refused: [
    {
      what: "a handler that is not in the file",
      code: "export const other = () => 1;\n",
      settings: ["--handler", "index.nope"],
      message: /nope/,
    },
    {
      what: "a handler whose file is not there",
      code: "export const handler = 1;\n",
      settings: ["--handler", "gone.handler"],
      message: /gone/,
    },
    {
      what: "a handler that is no function",
      code: "export const handler = 42;\n",
      message: /index\.mjs[\s\S]*function/,
    },
    {
      what: "code that throws when it is loaded",
      code: "\nthrow new Error('no luck');\n",
      message: new RegExp(`${file.replace(".", "\\.")}:2: Error: no luck`),
    },
    { what: "code that ends the process when it is loaded", code: "process.exit(7);\n", message: /exit code 7/ },
    {
      what: "code that allocates without end when it is loaded",
      code: "const a = []; for (;;) a.push(new Array(1e5).fill(1));\n",
      settings: ["--memory", "64Mi"],
      message: /memory|heap/i,
    },
  ],
  misbehaving: [
    {
      what: "that never returns",
      code: `export const handler = (${event}) => ${onPath} ? new Promise(() => {}) : "fine";\n`,
      ...TIMEOUT,
    },
    {
      what: "that never stops computing",
      code: `export const handler = (${event}) => { while (${onPath}); return "fine"; };\n`,
      ...TIMEOUT,
      isStuck: true,
    },
    {
      what: "that ends its process",
      code: `export const handler = (${event}) => ${onPath} ? process.exit(9) : "fine";\n`,
      ...EXITED,
    },
    {
      what: "that allocates without end",
      code: `const all = [];\nexport const handler = async (${event}) => { while (${onPath}) { all.push(Buffer.alloc(2 ** 22, 1)); await new Promise((done) => setTimeout(done, 5)); } return "fine"; };\n`,
      ...NO_MEMORY,
    },
    {
      what: "that allocates all at once",
      code: `const all = [];\nexport const handler = (${event}) => { while (${onPath}) all.push(Buffer.allocUnsafe(2 ** 26).fill(1)); return "fine"; };\n`,
      ...NO_MEMORY,
    },
    {
      what: "that fills its heap",
      code: `const all = [];\nexport const handler = (${event}) => { while (${onPath}) all.push(new Array(1e5).fill({})); return "fine"; };\n`,
      ...NO_MEMORY,
    },
  ],
});

const FUNCTIONS: Readonly<Record<Language, BadFunctions>> = {
  node: onNode("index.mjs", "event"),
  typescript: onNode("index.ts", "event: { path: string }"),
  python: {
    file: "main.py",
    refused: [
      {
        what: "a handler that is not in the file",
        code: "def other(event, context): return 1\n",
        settings: ["--handler", "main.nope"],
        message: /nope/,
      },
      { what: "a handler that is no function", code: "handler = 42\n", message: /main\.py[\s\S]*function|callable/ },
      {
        what: "code that throws when it is loaded",
        code: "\nraise ValueError('no luck')\n",
        message: /main\.py:2: ValueError: no luck/,
      },
      {
        what: "code that ends the process when it is loaded",
        code: "import os\nos._exit(7)\n",
        message: /exit code 7/,
      },
    ],
    misbehaving: [
      {
        what: "that never returns",
        code: "import threading\ndef handler(event, context):\n    if event.path == '/bad':\n        threading.Event().wait()\n    return 'fine'\n",
        ...TIMEOUT,
      },
      {
        what: "that ends its process",
        code: "import os\ndef handler(event, context):\n    if event.path == '/bad':\n        os._exit(9)\n    return 'fine'\n",
        ...EXITED,
      },
      {
        what: "that allocates without end",
        code: "import time\nkept = []\ndef handler(event, context):\n    while event.path == '/bad':\n        kept.append(bytes([1]) * 2**22)\n        time.sleep(0.005)\n    return 'fine'\n",
        ...NO_MEMORY,
      },
      {
        what: "that allocates all at once",
        code: "kept = []\ndef handler(event, context):\n    while event.path == '/bad':\n        kept.append(bytearray(b'x') * 2**26)\n    return 'fine'\n",
        ...NO_MEMORY,
      },
    ],
  },
};

for (const poolSize of [0, 1])
  describe(`bad functions, with ${poolSize === 0 ? "no prewarmed processes" : "prewarmed processes"}`, {
    concurrency: 3,
  }, () => {
    let faas: FaasProcess;
    let server: RunningServer;

    before(async () => {
      faas = new FaasProcess();
      server = await faas.up({ args: ["--pool-size", String(poolSize)] });
      const { code, stderr } = await deploy("bystander", "index.mjs", "export const handler = () => 'fine';\n");
      assert.equal(code, 0, stderr);
    });
    after(async () => {
      assert.equal(await (await fetch(`${server.url}/acme/bystander`)).text(), "fine");
      assert.equal(server.child.exitCode, null, server.stderr());
      await faas[Symbol.asyncDispose]();
    });

    /** In this process: a process for each command would take most of the time. */
    const run = (...argv: string[]) =>
      runHere({ after: () => {} }, argv, { cwd: faas.folder, env: { FAAS_SERVER: server.url } });
    const deploy = async (name: string, file: string, code: string, settings: readonly string[] = []) =>
      run("deploy", await faas.source(name, { [file]: code }), "--org", "acme", "--endpoint", name, ...settings);
    const call = (name: string, path = "") =>
      fetch(`${server.url}/acme/${name}${path}`, { signal: AbortSignal.timeout(20_000) });

    for (const language of languages) {
      const { file, refused, misbehaving } = FUNCTIONS[language];
      for (const [index, { what, code, settings, message }] of refused.entries())
        test(`${language}: ${what}: the deployment fails with the reason`, async () => {
          const { code: exitCode, stderr, stdout } = await deploy(`${language}-refused-${index}`, file, code, settings);
          assert.deepEqual([exitCode, stdout], [1, ""], stderr);
          assert.match(stderr, message);
          assert.match(stderr, /\((DEPLOY_FAILED|HANDLER_NOT_FOUND)\)/);
          assert.doesNotMatch(stderr, /deployed before|\n {4}at .*node_modules/);
        });

      for (const [index, { what, code, settings, status, problem, isStuck }] of misbehaving.entries()) {
        // It computes for seconds, and how its process was started makes no difference to how it is ended.
        if (isStuck && poolSize === 0) continue;
        test(`a ${language} function ${what}: ${status} ${problem}, and the next call is answered`, async () => {
          const name = `${language}-does-${index}`;
          const { code: exitCode, stderr } = await deploy(name, file, code, settings);
          assert.equal(exitCode, 0, stderr);
          assert.equal(await (await call(name)).text(), "fine");
          const answer = await call(name, "/bad");
          const told = (await answer.json()) as Problem;
          assert.deepEqual([answer.status, told.code], [status, problem], told.detail);
          let next = await call(name);
          // A thread that computes can only be ended with its process, which is done when it has not answered for some seconds.
          for (const end = Date.now() + 20_000; isStuck && next.status === 504 && Date.now() < end; )
            next = await call(name);
          assert.deepEqual([next.status, await next.text()], [200, "fine"]);
          if (status === 502) assert.match((await run("logs", `acme/${name}`)).stdout, /\[faas\] replica .*: /);
        });
      }
    }

    // Output takes the same way however a process was started.
    if (poolSize > 0) return;

    test("a function that writes 100 MB of logs: the call is answered, the disk is not filled, the end is kept", async () => {
      const code = `const line = "x".repeat(999) + "\\n";
export const handler = () => {
  for (let i = 0; i < 100_000; i++) process.stdout.write(line);
  console.log("the end");
  return "fine";
};
`;
      assert.equal((await deploy("noisy", "index.mjs", code)).code, 0);
      assert.equal(await (await call("noisy")).text(), "fine");
      // What is printed may come after the answer.
      for (const deadline = Date.now() + 20_000; ; ) {
        if (/the end/.test((await run("logs", "acme/noisy", "--tail", "1")).stdout)) break;
        assert.ok(Date.now() < deadline, "the end never came");
      }
      const folder = join(faas.data, "logs/acme/noisy");
      let bytes = 0;
      for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
      assert.ok(bytes < 16 * 2 ** 20, `${bytes} bytes of logs`);
    });
  });

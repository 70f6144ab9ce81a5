import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { HttpClient } from "@faas/testing";
import { ServerUnderTest } from "../platform/server-under-test.ts";

const hello = (text: string) =>
  `export const handler = (event) => { console.log("called"); return event.body ?? "${text}"; };\n`;

// The built `faas` runs as a process at least once per command and exit code; the other commands run in this process, which costs less.
describe("faas", () => {
  let under: ServerUnderTest;
  let client: HttpClient;
  const run = (...argv: string[]) => under.run(...argv);
  const deploy = (name: string, files: Record<string, string>, ...more: string[]) => under.deploy(name, files, ...more);

  before(async () => {
    under = await ServerUnderTest.start();
    client = new HttpClient(under.url);
  });
  after(async () => {
    client[Symbol.dispose]();
    await under[Symbol.asyncDispose]();
  });

  test("deploy makes an endpoint of a folder, and reports an unchanged folder", async () => {
    const first = await under.faas.deploy("first", { "index.mjs": hello("one") });
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout, `${under.url}/acme/first\n`);
    for (const stage of ["prepare", "install", "pack", "upload", "register", "ready"])
      assert.match(first.stderr, new RegExp(`${stage} +\\d+\\.\\d s`));
    assert.equal((await under.faas.run(["invoke", "acme/first"])).stdout, "one");
    const again = await under.faas.deploy("first", { "index.mjs": hello("one") });
    assert.match(again.stderr, /Unchanged/);
  });

  test("invoke writes the response to stdout byte for byte", async () => {
    await deploy("echo", { "index.mjs": hello("none") });
    const input = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    assert.deepEqual((await under.faas.run(["invoke", "acme/echo", "--data", "-"], { input })).stdoutBytes, input);
  });

  test("errors of a TypeScript function name the line of the .ts file", async () => {
    const text = "interface A { a: string }\n\nexport function handler(): A {\n  throw new Error('typed');\n}\n";
    assert.equal((await deploy("typed", { "index.ts": text })).code, 0);
    const { code, stderr, stdout } = await under.faas.run(["invoke", "acme/typed"]);
    assert.equal(code, 1);
    assert.match(stderr, /typed \(FUNCTION_ERROR\)/);
    assert.match(stdout, /FUNCTION_ERROR/);
    assert.match((await run("logs", "acme/typed")).stdout, /index\.ts:4/);
  });

  test("deploy makes an endpoint of a Python function", async () => {
    const { code, stderr } = await deploy("snake", {
      "main.py": "def handler(event, context):\n    return {'org': context.org}\n",
    });
    assert.equal(code, 0, stderr);
    assert.equal((await run("invoke", "acme/snake")).stdout, '{"org":"acme"}');
  });

  test("deploy of code that does not load shows its error with file and line, and the previous revision keeps serving", async () => {
    await deploy("fragile", { "index.mjs": hello("good") });
    const { code, stderr } = await under.faas.deploy("fragile", {
      "index.mjs": "console.log('trying');\nthrow new Error('no luck');\n",
    });
    assert.equal(code, 1);
    assert.match(stderr, /index\.mjs:2: Error: no luck[\s\S]*still serves[\s\S]*DEPLOY_FAILED[\s\S]*trying/);
    assert.equal((await run("invoke", "acme/fragile")).stdout, "good");
  });

  test("a first deployment that does not load exits with 1, and calls get 502 with the reason until one loads", async () => {
    assert.equal((await deploy("broken", { "index.mjs": "export const handler = (;" })).code, 1);
    const response = await client.send("GET", "/acme/broken");
    const problem = response.json<{ code: string; detail: string }>();
    assert.deepEqual([response.status, problem.code], [502, "FUNCTION_LOAD_FAILED"]);
    assert.match(problem.detail, /index\.mjs:1: SyntaxError/);
    assert.equal((await deploy("broken", { "index.mjs": hello("fixed") })).code, 0);
    assert.equal((await run("invoke", "acme/broken")).stdout, "fixed");
  });

  test("a dependency that does not exist fails with the message of the installer", async (t) => {
    // An empty registry.
    const registry = createServer((_, response) => response.writeHead(404).end('{"error":"Not found"}'));
    t.after(() => registry.close());
    await once(registry.listen(0, "127.0.0.1"), "listening");
    const { port } = registry.address() as AddressInfo;
    const path = await under.faas.source("wanting", {
      "index.mjs": hello("x"),
      "package.json": '{"dependencies":{"faas-no-such-package-ever":"1.0.0"}}',
    });
    const { code, stderr } = await under.faas.run(["deploy", path, "--org", "acme", "--endpoint", "wanting"], {
      env: { npm_config_registry: `http://127.0.0.1:${port}/` },
    });
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^error: "npm install" ended with exit code 1: .*faas-no-such-package-ever.*\(INSTALL_FAILED\)$/m,
    );
    assert.doesNotMatch(stderr, /^error: .*(tarball|log of this run)/m);
    assert.match(stderr, /INSTALL_FAILED[\s\S]*npm error 404 Not Found - GET/);
  });

  const invalid: [string, Record<string, string>, RegExp][] = [
    ["an empty folder", {}, /SOURCE_EMPTY/],
    ["no runtime", { "notes.txt": "x" }, /RUNTIME_UNKNOWN/],
    ["no handler", { "package.json": "{}" }, /HANDLER_NOT_FOUND/],
    ["a manifest that does not parse", { "index.mjs": "", "package.json": "{" }, /MANIFEST_INVALID/],
    ["TypeScript that does not compile", { "index.ts": "export const handler = (;" }, /BUILD_FAILED|index\.ts:1:/],
    ["faas.json with an unknown field", { "index.mjs": "", "faas.json": '{"replcas":1}' }, /CONFIG_INVALID/],
  ];
  for (const [what, files, message] of invalid) {
    test(`deploy rejects ${what} before it sends anything`, async () => {
      const { code, stderr, stdout } = await deploy(`w-${what.replaceAll(/[^a-z]+/gi, "-").toLowerCase()}`, files);
      assert.ok(code === 1 || code === 2);
      assert.match(stderr, message);
      assert.equal(stdout, "");
      assert.doesNotMatch(stderr, /\n {4}at /);
    });
  }

  test("deploy reads settings from faas.json, and flags override them", async () => {
    const project = JSON.stringify({ org: "filed", endpoint: "it", timeout: "7s", env: { A: "file", B: "file" } });
    const path = await under.faas.source("filed", {
      "index.mjs": "export const handler = () => process.env.A + process.env.B;",
      "faas.json": project,
    });
    assert.equal((await run("deploy", path, "--env", "A=flag")).code, 0);
    assert.equal((await run("invoke", "filed/it")).stdout, "flagfile");
    assert.equal(JSON.parse((await run("describe", "filed/it", "-o", "json")).stdout).settings.timeout, "7s");
  });

  test("wrong usage exits with 2 and names what was expected: a typo in a command", async () => {
    const { code, stderr } = await under.faas.run(["deplyo"]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /Did you mean deploy\?/);
  });

  const usage: [string, string[], RegExp][] = [
    ["a typo in an option", ["deploy", "--relpicas", "2"], /Did you mean --replicas\?/],
    [
      "a wrong duration",
      ["deploy", "--timeout", "5"],
      /`--timeout` option to be a duration such as 300ms, 30s or 5m, got "5"/,
    ],
    ["negative replicas", ["deploy", "--replicas=-1"], /from 0 to 1000, got "-1"/],
    ["a name that is not a label", ["invoke", "Acme/x"], /lower-case letters/],
    ["no endpoint", ["deploy", "."], /--org ORG and --endpoint ENDPOINT/],
    ["a removal without confirmation", ["remove", "acme", "--all"], /--yes/],
  ];
  for (const [what, args, message] of usage) {
    test(`wrong usage exits with 2 and names what was expected: ${what}`, async () => {
      const { code, stderr } = await run(...args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    });
  }

  test("invoke suggests the endpoint that a mistyped name may mean", async () => {
    await deploy("spelled", { "index.mjs": hello("x") });
    const { code, stderr } = await run("invoke", "acme/speled");
    assert.equal(code, 1);
    assert.match(stderr, /did you mean "acme\/spelled"\?/);
  });

  test("without a server, the message has the command that starts one", async () => {
    const { code, stderr } = await under.faas.run(["list"], { env: { FAAS_SERVER: "http://127.0.0.1:9" } });
    assert.equal(code, 1);
    assert.match(stderr, /No server responds at http:\/\/127\.0\.0\.1:9[\s\S]*faas up --detach/);
  });

  test("list, describe, logs and remove show an endpoint and remove it", async () => {
    await deploy("listed", { "index.mjs": hello("x") });
    await run("invoke", "acme/listed");
    assert.match((await under.faas.run(["list", "acme"])).stdout, /^acme +listed +ready +1\/10 +node/m);
    assert.match((await under.faas.run(["describe", "acme/listed"])).stdout, /phase +ready/);
    assert.equal((await under.faas.run(["logs", "acme/listed", "--no-access"])).stdout, "called\n");
    assert.match((await run("logs", "acme/listed", "--timestamps")).stdout, /^\d{4}-.*Z listed-\w+ called$/m);
    assert.equal((await under.faas.run(["remove", "acme/listed", "--yes"])).code, 0);
    assert.equal((await run("describe", "acme/listed")).code, 1);
  });

  test("an idle endpoint has no replica, and the next request starts one", async () => {
    await deploy("sleepy", { "index.mjs": hello("awake") }, "--idle-timeout", "300ms");
    await under.faas.untilIdle("sleepy");
    const { stdout, stderr } = await run("invoke", "acme/sleepy", "--timing");
    assert.equal(stdout, "awake");
    assert.match(stderr, /cold start/);
  });

  test("a thousand concurrent requests to a cold endpoint all succeed", async () => {
    await deploy("crowd", { "index.mjs": hello("in") }, "--idle-timeout", "200ms");
    await under.faas.untilIdle("crowd");
    const statuses = await Promise.all(
      Array.from({ length: 1000 }, async () => (await fetch(`${under.url}/acme/crowd`)).status),
    );
    assert.deepEqual(new Set(statuses), new Set([200]));
  });

  test("requests during deployments all succeed", async () => {
    await deploy("busy", { "index.mjs": hello("0") });
    let done = false;
    const statuses: number[] = [];
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!done) {
          statuses.push((await client.send("GET", "/acme/busy")).status);
        }
      }),
    );
    for (let i = 1; i <= 3; i++) assert.equal((await deploy("busy", { "index.mjs": hello(String(i)) })).code, 0);
    assert.equal((await run("invoke", "acme/busy")).stdout, "3");
    done = true;
    await load;
    assert.deepEqual(new Set(statuses), new Set([200]));
  });

  test("bench prints percentiles and a histogram", async () => {
    await deploy("benched", { "index.mjs": hello("x") });
    const { code, stdout } = await under.faas.run(["bench", "acme/benched", "--threads", "4", "--iterations", "5"]);
    assert.equal(code, 0);
    assert.match(stdout, /requests +20,[\s\S]*errors +none[\s\S]*p99[\s\S]*#/);
  });

  test("completion prints a script for each shell", async () => {
    assert.match((await under.faas.run(["completion", "bash"])).stdout, /deploy/);
    for (const shell of ["zsh", "fish"]) assert.match((await run("completion", shell)).stdout, /deploy/);
  });

  test("doctor checks Node, Python, the data folder and the server", async () => {
    const checks = JSON.parse((await under.faas.run(["doctor", "-o", "json"])).stdout) as {
      name: string;
      status: string;
    }[];
    const status = Object.fromEntries(checks.map((check) => [check.name, check.status]));
    for (const name of ["node", "npm", "python", "data folder", "server"]) assert.equal(status[name], "ok", name);
  });
});

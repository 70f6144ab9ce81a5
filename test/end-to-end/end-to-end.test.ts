import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";

/** The built `faas`, as a user runs it, against a server that `faas up` started. */

const faas = join(import.meta.dirname, "../../packages/cli/bin/faas.js");
const hello = (text: string) =>
  `export const handler = (event) => { console.log("called"); return event.body ?? "${text}"; };\n`;

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly bytes: Buffer;
  readonly stderr: string;
}

describe("faas", () => {
  let folder: string;
  let data: string;
  let env: NodeJS.ProcessEnv;
  let server: ChildProcess;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "faas-e2e-"));
    data = join(folder, "data");
    env = {
      ...process.env,
      HOME: folder,
      XDG_CACHE_HOME: join(folder, "cache"),
      FAAS_DATA: data,
      NO_COLOR: "1",
      NODE_OPTIONS: "",
    };
    server = await up();
  });
  after(async () => {
    server.kill("SIGTERM");
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts `faas up` on a free port, and waits for its URL. */
  async function up(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [faas, "up", "--port", "0"], { env, stdio: ["ignore", "pipe", "pipe"] });
    const [url] = await once(child.stdout as NodeJS.ReadableStream, "data");
    env.FAAS_SERVER = String(url).trim();
    child.stderr?.resume();
    return child;
  }

  async function run(
    args: string[],
    { input, ...more }: { input?: Buffer; env?: NodeJS.ProcessEnv } = {},
  ): Promise<Result> {
    const child = spawn(process.execPath, [faas, ...args], { cwd: folder, env: { ...env, ...more.env } });
    const pieces: Buffer[] = [];
    let stderr = "";
    child.stdout.on("data", (piece) => pieces.push(piece));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.stdin.end(input);
    const [code] = await once(child, "close");
    const bytes = Buffer.concat(pieces);
    return { code, bytes, stdout: bytes.toString(), stderr };
  }

  async function source(name: string, files: Record<string, string>): Promise<string> {
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(join(path, file), text);
    return path;
  }

  async function deploy(name: string, files: Record<string, string>, ...more: string[]): Promise<Result> {
    return run(["deploy", await source(name, files), "--org", "acme", "--endpoint", name, ...more]);
  }

  test("a folder becomes an endpoint that answers; deploying it again says that nothing changed", async () => {
    const first = await deploy("first", { "index.mjs": hello("one") });
    assert.equal(first.code, 0, first.stderr);
    assert.equal(first.stdout, `${env.FAAS_SERVER}/acme/first\n`);
    for (const stage of ["prepare", "install", "pack", "upload", "register", "ready"])
      assert.match(first.stderr, new RegExp(`${stage} +\\d+\\.\\d s`));
    assert.equal((await run(["invoke", "acme/first"])).stdout, "one");
    const again = await deploy("first", { "index.mjs": hello("one") });
    assert.match(again.stderr, /Unchanged/);
  });

  test("the answer goes to stdout byte for byte", async () => {
    await deploy("echo", { "index.mjs": hello("none") });
    const input = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    assert.deepEqual((await run(["invoke", "acme/echo", "--data", "-"], { input })).bytes, input);
  });

  test("TypeScript errors name the .ts line", async () => {
    const text = "interface A { a: string }\n\nexport function handler(): A {\n  throw new Error('typed');\n}\n";
    assert.equal((await deploy("typed", { "index.ts": text })).code, 0);
    const { code, stderr, stdout } = await run(["invoke", "acme/typed"]);
    assert.equal(code, 1);
    assert.match(stderr, /typed \(FUNCTION_ERROR\)/);
    assert.match(stdout, /FUNCTION_ERROR/);
    assert.match((await run(["logs", "acme/typed"])).stdout, /index\.ts:4/);
  });

  test("a Python function answers", async () => {
    const { code, stderr } = await deploy("snake", {
      "main.py": "def handler(event, context):\n    return {'org': context.org}\n",
    });
    assert.equal(code, 0, stderr);
    assert.equal((await run(["invoke", "acme/snake"])).stdout, '{"org":"acme"}');
  });

  test("code that does not load: its own error with file and line, exit 1, and the old revision goes on", async () => {
    await deploy("fragile", { "index.mjs": hello("good") });
    const { code, stderr } = await deploy("fragile", {
      "index.mjs": "console.log('trying');\nthrow new Error('no luck');\n",
    });
    assert.equal(code, 1);
    assert.match(stderr, /index\.mjs:2: Error: no luck[\s\S]*still serves[\s\S]*DEPLOY_FAILED[\s\S]*trying/);
    assert.equal((await run(["invoke", "acme/fragile"])).stdout, "good");
  });

  test("a first deployment that does not load is told, and calls are 502 with the reason until one does", async () => {
    assert.equal((await deploy("broken", { "index.mjs": "export const handler = (;" })).code, 1);
    const answer = await fetch(`${env.FAAS_SERVER}/acme/broken`);
    const problem = (await answer.json()) as { code: string; detail: string };
    assert.deepEqual([answer.status, problem.code], [502, "FUNCTION_LOAD_FAILED"]);
    assert.match(problem.detail, /index\.mjs:1: SyntaxError/);
    assert.equal((await deploy("broken", { "index.mjs": hello("mended") })).code, 0);
    assert.equal((await run(["invoke", "acme/broken"])).stdout, "mended");
  });

  test("a dependency that does not exist: the installer's own words", async (t) => {
    // A registry that has nothing.
    const registry = createServer((_, answer) => answer.writeHead(404).end('{"error":"Not found"}'));
    t.after(() => registry.close());
    await once(registry.listen(0, "127.0.0.1"), "listening");
    const { port } = registry.address() as AddressInfo;
    const path = await source("wanting", {
      "index.mjs": hello("x"),
      "package.json": '{"dependencies":{"faas-no-such-package-ever":"1.0.0"}}',
    });
    const { code, stderr } = await run(["deploy", path, "--org", "acme", "--endpoint", "wanting"], {
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

  const wrong: [string, Record<string, string>, RegExp][] = [
    ["an empty folder", {}, /SOURCE_EMPTY/],
    ["no runtime", { "notes.txt": "x" }, /RUNTIME_UNKNOWN/],
    ["no handler", { "package.json": "{}" }, /HANDLER_NOT_FOUND/],
    ["a manifest that does not parse", { "index.mjs": "", "package.json": "{" }, /MANIFEST_INVALID/],
    ["TypeScript that does not compile", { "index.ts": "export const handler = (;" }, /BUILD_FAILED|index\.ts:1:/],
    ["faas.json with an unknown field", { "index.mjs": "", "faas.json": '{"replcas":1}' }, /CONFIG_INVALID/],
  ];
  for (const [what, files, message] of wrong) {
    test(`${what} is refused before anything is sent`, async () => {
      const { code, stderr, stdout } = await deploy(`w-${what.replaceAll(/[^a-z]+/gi, "-").toLowerCase()}`, files);
      assert.ok(code === 1 || code === 2);
      assert.match(stderr, message);
      assert.equal(stdout, "");
      assert.doesNotMatch(stderr, /\n {4}at /);
    });
  }

  test("settings come from faas.json, and flags win", async () => {
    const project = JSON.stringify({ org: "filed", endpoint: "it", timeout: "7s", env: { A: "file", B: "file" } });
    const path = await source("filed", {
      "index.mjs": "export const handler = () => process.env.A + process.env.B;",
      "faas.json": project,
    });
    assert.equal((await run(["deploy", path, "--env", "A=flag"])).code, 0);
    assert.equal((await run(["invoke", "filed/it"])).stdout, "flagfile");
    assert.equal(JSON.parse((await run(["describe", "filed/it", "-o", "json"])).stdout).settings.timeout, "7s");
  });

  const usage: [string, string[], RegExp][] = [
    ["a typo in a command", ["deplyo"], /Did you mean deploy\?/],
    ["a typo in an option", ["deploy", "--relpicas", "2"], /Did you mean --replicas\?/],
    [
      "a wrong duration",
      ["deploy", "--timeout", "5"],
      /`--timeout` option to be a duration such as 300ms, 30s or 5m, got "5"/,
    ],
    ["negative replicas", ["deploy", "--replicas=-1"], /from 0 to 1000, got "-1"/],
    ["a name that is no label", ["invoke", "Acme/x"], /lower-case letters/],
    ["no endpoint", ["deploy", "."], /--org ORG and --endpoint ENDPOINT/],
    ["removal that nobody confirms", ["remove", "acme", "--all"], /--yes/],
  ];
  for (const [what, args, message] of usage) {
    test(`wrong usage exits 2 and says what was expected: ${what}`, async () => {
      const { code, stderr } = await run(args);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    });
  }

  test("a mistyped endpoint gets a suggestion", async () => {
    await deploy("spelled", { "index.mjs": hello("x") });
    const { code, stderr } = await run(["invoke", "acme/speled"]);
    assert.equal(code, 1);
    assert.match(stderr, /did you mean "acme\/spelled"\?/);
  });

  test("without a server it says so, and what to type", async () => {
    const { code, stderr } = await run(["list"], { env: { FAAS_SERVER: "http://127.0.0.1:9" } });
    assert.equal(code, 1);
    assert.match(stderr, /No server responds at http:\/\/127\.0\.0\.1:9[\s\S]*faas up --detach/);
  });

  test("list, describe, logs and remove", async () => {
    await deploy("listed", { "index.mjs": hello("x") });
    await run(["invoke", "acme/listed"]);
    assert.match((await run(["list", "acme"])).stdout, /^acme +listed +ready +1\/10 +node/m);
    assert.match((await run(["describe", "acme/listed"])).stdout, /phase +ready/);
    assert.equal((await run(["logs", "acme/listed"])).stdout, "called\n");
    assert.match((await run(["logs", "acme/listed", "--timestamps"])).stdout, /^\d{4}-.*Z listed-\w+ called$/m);
    assert.equal((await run(["remove", "acme/listed", "--yes"])).code, 0);
    assert.equal((await run(["describe", "acme/listed"])).code, 1);
  });

  test("an idle endpoint has no replica, and the next request is answered", async () => {
    await deploy("sleepy", { "index.mjs": hello("awake") }, "--idle-timeout", "300ms");
    const deadline = Date.now() + 20_000;
    for (;;) {
      const view = JSON.parse((await run(["describe", "acme/sleepy", "-o", "json"])).stdout);
      if (view.phase === "idle" && view.replicas.length === 0) break;
      assert.ok(Date.now() < deadline, "it does not go idle");
      await delay(100);
    }
    const { stdout, stderr } = await run(["invoke", "acme/sleepy", "--timing"]);
    assert.equal(stdout, "awake");
    assert.match(stderr, /cold start/);
  });

  test("a thousand requests at once to a cold endpoint are all answered", async () => {
    await deploy("crowd", { "index.mjs": hello("in") }, "--idle-timeout", "200ms");
    await delay(0);
    const statuses = await Promise.all(
      Array.from({ length: 1000 }, async () => (await fetch(`${env.FAAS_SERVER}/acme/crowd`)).status),
    );
    assert.deepEqual(new Set(statuses), new Set([200]));
  });

  test("requests during deployments are all answered", async () => {
    await deploy("busy", { "index.mjs": hello("0") });
    let done = false;
    const statuses: number[] = [];
    const load = Promise.all(
      Array.from({ length: 4 }, async () => {
        while (!done) {
          const answer = await fetch(`${env.FAAS_SERVER}/acme/busy`);
          await answer.text();
          statuses.push(answer.status);
        }
      }),
    );
    for (let i = 1; i <= 3; i++) assert.equal((await deploy("busy", { "index.mjs": hello(String(i)) })).code, 0);
    assert.equal((await run(["invoke", "acme/busy"])).stdout, "3");
    done = true;
    await load;
    assert.deepEqual(new Set(statuses), new Set([200]));
  });

  test("bench prints percentiles and a histogram", async () => {
    await deploy("benched", { "index.mjs": hello("x") });
    const { code, stdout } = await run(["bench", "acme/benched", "--threads", "4", "--iterations", "5"]);
    assert.equal(code, 0);
    assert.match(stdout, /requests +20,[\s\S]*errors +none[\s\S]*p99[\s\S]*#/);
  });

  test("completion scripts are made for each shell", async () => {
    for (const shell of ["bash", "zsh", "fish"]) assert.match((await run(["completion", shell])).stdout, /deploy/);
  });

  test("doctor tells of Node, Python, the data folder and the server", async () => {
    const checks = JSON.parse((await run(["doctor", "-o", "json"])).stdout) as { name: string; status: string }[];
    const status = Object.fromEntries(checks.map((check) => [check.name, check.status]));
    for (const name of ["node", "npm", "python", "data folder", "server"]) assert.equal(status[name], "ok", name);
  });

  test("a second server on the same data folder is refused, and says where the first is", async () => {
    const { code, stderr } = await run(["up", "--port", "0"]);
    assert.equal(code, 1);
    assert.ok(stderr.includes(env.FAAS_SERVER as string), stderr);
    assert.match(stderr, /STATE_LOCKED/);
  });

  test("a port in use is refused, and says what to do", async () => {
    const { code, stderr } = await run([
      "up",
      "--data",
      join(folder, "other"),
      "--port",
      new URL(env.FAAS_SERVER as string).port,
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /--port[\s\S]*PORT_IN_USE/);
  });

  test("after kill -9 of the server everything that was acknowledged answers", async () => {
    await deploy("survivor", { "index.mjs": hello("alive") });
    server.kill("SIGKILL");
    await once(server, "exit");
    server = await up();
    assert.equal((await run(["invoke", "acme/survivor"])).stdout, "alive");
  });

  test("a damaged state file is refused with its backup named, and left as it is", async () => {
    const other = join(folder, "damaged");
    await mkdir(other);
    await writeFile(join(other, "state.json"), '{"version":1,"organiz');
    const { code, stderr } = await run(["up", "--port", "0", "--data", other]);
    assert.equal(code, 1);
    assert.match(stderr, /state\.json\.backup[\s\S]*STATE_DAMAGED/);
    assert.equal(await readFile(join(other, "state.json"), "utf8"), '{"version":1,"organiz');
  });

  test("up --detach and down; Ctrl-C on logs --follow ends with 130", async () => {
    const other = join(folder, "detached");
    const { code, stdout } = await run(["up", "--detach", "--port", "0", "--data", other]);
    assert.equal(code, 0);
    assert.equal((await fetch(`${stdout.trim()}/-/readyz`)).status, 200);
    assert.equal((await run(["down", "--data", other])).code, 0);
    await assert.rejects(fetch(`${stdout.trim()}/-/readyz`));
    assert.equal((await run(["down", "--data", other])).code, 1);

    await deploy("followed", { "index.mjs": hello("x") });
    const child = spawn(process.execPath, [faas, "logs", "acme/followed", "--follow"], {
      env,
      stdio: ["ignore", "pipe", "ignore"],
    });
    await run(["invoke", "acme/followed"]);
    await once(child.stdout as NodeJS.ReadableStream, "data");
    child.kill("SIGINT");
    assert.equal((await once(child, "exit"))[0], 130);
  });

  for (const runtime of ["node", "typescript", "python"]) {
    test(`init writes a ${runtime} function that deploys`, async () => {
      const name = `new-${runtime}`;
      assert.equal((await run(["init", name, "--runtime", runtime])).code, 0);
      const { code, stderr } = await run(["deploy", name]);
      assert.equal(code, 0, stderr);
      assert.equal((await run(["invoke", `demo/${name}`, "--data", '{"name":"you"}'])).stdout, '{"hello":"you"}');
      assert.match((await run(["init", name, "--runtime", runtime])).stderr, /FILES_EXIST/);
    });
  }

  test("dev answers with the new code after a save, and goes on after a mistake", async () => {
    const path = await source("developed", { "index.mjs": hello("before") });
    const child = spawn(process.execPath, [faas, "dev", path, "--port", "0"], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    try {
      const url = String((await once(child.stdout, "data"))[0]).trim();
      const answers = async (text: string) => {
        const deadline = Date.now() + 20_000;
        while ((await (await fetch(url)).text()) !== text) {
          assert.ok(Date.now() < deadline, `never answered "${text}": ${stderr}`);
          await delay(10);
        }
      };
      await answers("before");
      await writeFile(join(path, "index.mjs"), hello("after"));
      await answers("after");
      await writeFile(join(path, "index.mjs"), "export const handler = (;");
      while (!/index\.mjs:1: SyntaxError/.test(stderr)) await once(child.stderr, "data");
      await answers("after");
      await writeFile(join(path, "index.mjs"), hello("mended"));
      await answers("mended");
    } finally {
      child.kill("SIGINT");
      assert.equal((await once(child, "exit"))[0], 130);
    }
  });
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { EndpointSpec, Language } from "@faas/core";
import { EmbeddedPlatform } from "@faas/platforms";
import {
  alive,
  type EmbeddedUnderTest,
  logsOf,
  prewarmed,
  python,
  setUp,
  specOf,
  until,
} from "./embedded-under-test.ts";

/** What a function reaches of the machine on the embedded platform, tried by functions. */

const probed = mkdtempSync(join(tmpdir(), "faas-probe-"));
const tried = new EmbeddedPlatform({ dataDir: probed, bundleFolder: async () => "" });
const skip = tried.isolation.startsWith("none") ? `this machine cannot: ${tried.isolation}` : false;
const noSignals = skip || (tried.isolation.includes("not signals") ? tried.isolation : false);
await tried[Symbol.asyncDispose]();
rmSync(probed, { recursive: true });

/** Both print what came of each attempt, by name: "ok …", or the name of the error. */
const NODE = `
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createServer, connect } from "node:net";
import os from "node:os";
const [DATA, RUN, OTHER, SERVER, HOME] = JSON.parse(process.env.TARGETS);
const said = {};
const attempt = (name, act) => { try { said[name] = "ok " + act(); } catch (error) { said[name] = error.code ?? error.message; } };
attempt("read state", () => fs.readFileSync(DATA + "/state.json", "utf8"));
attempt("write state", () => fs.writeFileSync(DATA + "/state.json", "mine"));
attempt("add to data", () => fs.writeFileSync(DATA + "/mine", "mine"));
attempt("list data", () => fs.readdirSync(DATA));
attempt("list sockets", () => fs.readdirSync(RUN));
attempt("read another's bundle", () => fs.readFileSync(OTHER + "/index.mjs", "utf8"));
attempt("change its own code", () => fs.writeFileSync(import.meta.dirname + "/index.mjs", ""));
attempt("list home", () => fs.readdirSync(HOME));
attempt("signal the server", () => process.kill(SERVER, 0));
attempt("environment of the server", () => fs.readFileSync("/proc/" + SERVER + "/environ", "utf8"));
attempt("by a child", () => execFileSync("cat", [DATA + "/state.json"], { stdio: "pipe" }));
attempt("its own folder", () => fs.readdirSync(import.meta.dirname).length);
attempt("temporary", () => { const path = os.tmpdir() + "/x"; fs.writeFileSync(path, "1"); return fs.readFileSync(path); });
attempt("a child", () => execFileSync("sh", ["-c", "echo hi > $HOME/y && cat $HOME/y; echo > /dev/null"]).toString().trim());
attempt("system", () => fs.readFileSync("/etc/hosts").length > 0 && os.cpus().length > 0);
attempt("itself", () => fs.readFileSync("/proc/self/status").length > 0);
said.env = Object.keys(process.env).sort();
console.log(JSON.stringify(said));
export const handler = () => 1;
`;
const PYTHON = `
import json, os, subprocess, tempfile
DATA, RUN, OTHER, SERVER, HOME = json.loads(os.environ["TARGETS"])
said = {}
def attempt(name, act):
    try: said[name] = "ok %s" % act()
    except OSError as error: said[name] = {1: "EPERM", 13: "EACCES"}.get(error.errno, str(error))
    except subprocess.CalledProcessError as error: said[name] = "failed"
def write(path, text):
    with open(path, "w") as file: file.write(text)
attempt("read state", lambda: open(DATA + "/state.json").read())
attempt("write state", lambda: write(DATA + "/state.json", "mine"))
attempt("add to data", lambda: write(DATA + "/mine", "mine"))
attempt("list data", lambda: os.listdir(DATA))
attempt("list sockets", lambda: os.listdir(RUN))
attempt("read another's bundle", lambda: open(OTHER + "/index.mjs").read())
attempt("change its own code", lambda: write(os.path.dirname(__file__) + "/main.py", ""))
attempt("list home", lambda: os.listdir(HOME))
attempt("signal the server", lambda: os.kill(SERVER, 0))
attempt("environment of the server", lambda: open("/proc/%d/environ" % SERVER).read())
attempt("by a child", lambda: subprocess.run(["cat", DATA + "/state.json"], check=True, capture_output=True))
attempt("its own folder", lambda: len(os.listdir(os.path.dirname(__file__))))
def temporary():
    with tempfile.NamedTemporaryFile("w+") as file: file.write("1")
    return "1"
attempt("temporary", temporary)
attempt("a child", lambda: subprocess.check_output(["sh", "-c", "echo hi > $HOME/y && cat $HOME/y; echo > /dev/null"]).decode().strip())
attempt("system", lambda: str(len(open("/etc/hosts").read()) > 0 and os.cpu_count() > 0).lower())
attempt("itself", lambda: str(len(open("/proc/self/status").read()) > 0).lower())
said["env"] = sorted(os.environ)
print(json.dumps(said))
def handler(event, context): return 1
`;

/** TypeScript is compiled to what Node runs. */
const SOURCES: Readonly<Record<Language, string>> = { node: NODE, typescript: NODE, python: PYTHON };

const DENIED = /^(?:EACCES|EPERM|failed|Command failed)/;
const GIVEN = ["FAAS_BODY_LIMIT", "FAAS_CONCURRENCY", "FAAS_ENDPOINT", "FAAS_ORG", "FAAS_REVISION", "FAAS_TIMEOUT_MS"];
const USUAL = [
  "HOME",
  "LANG",
  "NODE_ENV",
  "OMP_NUM_THREADS",
  "OPENBLAS_NUM_THREADS",
  "PATH",
  "PORT",
  "TARGETS",
  "TMPDIR",
];
/** Set by the wrapper in Python, and by a machine that has it. */
const SOMETIMES = ["MKL_NUM_THREADS", "NODE_COMPILE_CACHE", "PYTHONPYCACHEPREFIX", "TZ", "LC_CTYPE"];

for (const [runtime, source] of Object.entries(SOURCES) as [Language, string][]) {
  for (const poolSize of [0, 1]) {
    const where = poolSize === 0 ? "in a process of its own" : "in a process that waited";
    test(`a ${runtime} function ${where} reaches its own things and nothing of the server's`, { skip }, async (t) => {
      const canaries = {
        FAAS_TOKEN: "canary",
        FAAS_ADMIN: "canary",
        AWS_SECRET_ACCESS_KEY: "canary",
        NODE_OPTIONS: "",
      };
      Object.assign(process.env, canaries);
      t.after(() => {
        for (const name of Object.keys(canaries)) delete process.env[name];
      });
      await using under = await setUp({ poolSize, python, isolation: "required" });
      writeFileSync(join(under.dataDir, "state.json"), "secret", { mode: 0o600 });
      const said = await run(under, runtime, source, poolSize === 1);
      for (const name of ["read state", "write state", "add to data", "list data", "list sockets", "list home"])
        assert.match(said[name] ?? "", DENIED, name);
      for (const name of ["read another's bundle", "change its own code", "environment of the server", "by a child"])
        assert.match(said[name] ?? "", DENIED, name);
      if (!noSignals) assert.match(said["signal the server"] ?? "", DENIED);
      assert.match(said["its own folder"] ?? "", /^ok [23]$/);
      assert.equal(said.temporary, "ok 1");
      assert.equal(said["a child"], "ok hi");
      assert.equal(said.system, "ok true");
      assert.equal(said.itself, "ok true");
      const names = (said.env as unknown as string[]).filter((name) => !SOMETIMES.includes(name));
      assert.deepEqual(names, [...GIVEN, ...USUAL].sort());
    });
  }
}

test("where there is no Perl, Python restricts", { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "faas-path-"));
  const { PATH } = process.env;
  t.after(() => {
    process.env.PATH = PATH;
    rmSync(folder, { recursive: true });
  });
  for (const [name, file] of [
    ["python3", python],
    ["true", execFileSync("which", ["true"], { encoding: "utf8" }).trim()],
    ["cat", execFileSync("which", ["cat"], { encoding: "utf8" }).trim()],
    ["sh", "/bin/sh"],
    ["ps", execFileSync("which", ["ps"], { encoding: "utf8" }).trim()],
  ] as const)
    symlinkSync(file, join(folder, name));
  process.env.PATH = folder;
  await using under = await setUp({ isolation: "required", python });
  writeFileSync(join(under.dataDir, "state.json"), "secret");
  const said = await run(under, "node", NODE, false);
  assert.match(said["read state"] ?? "", DENIED);
  assert.match(said["environment of the server"] ?? "", DENIED);
  assert.equal(said.temporary, "ok 1");
});

test("sockets and folders of replicas are their server's alone, and go with them", { skip }, async () => {
  await using under = await setUp({ isolation: "required", poolSize: 1 });
  const spec = await ready(under, "node", "export const handler = () => 1;\n");
  const { replicas } = await until(under, () => true);
  const socket = String(replicas[0]?.address).slice("unix:".length);
  const folder = join(socket, "..");
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  // No function finds it: 128 random bits in a folder that it cannot list.
  assert.match(socket, /\/[0-9a-f]{32}\.s$/);
  await under.platform.remove(spec);
  assert.ok(!existsSync(socket));
  await untilEmpty(folder);
  assert.deepEqual(readdirSync(join(under.dataDir, "live")), []);
  await untilEmpty(join(under.dataDir, "code"));
});

test("a replica that cannot be started takes nothing of the others' with it", { skip }, async () => {
  await using under = await setUp({ isolation: "required" });
  const spec = await ready(under, "node", "export const handler = () => 1;\n");
  const { replicas } = await until(under, () => true);
  const socket = String(replicas[0]?.address).slice("unix:".length);
  const gone = specOf(
    under.org,
    "x",
    { kind: "bundle", digest: `sha256:${"f".repeat(64)}` },
    { secrets: { A: "missing" } },
  );
  await under.platform.apply(gone);
  await until(under, ({ failure }) => failure !== undefined);
  assert.ok(existsSync(socket));
  await under.platform.remove(spec);
});

test("a link in place of its socket leads the server nowhere", { skip }, async () => {
  await using under = await setUp({ isolation: "required" });
  const source = `
    import fs from "node:fs";
    fs.rmSync(process.env.PORT, { force: true });
    fs.symlinkSync("/dev/log", process.env.PORT);
    await new Promise((done) => setTimeout(done, 300));
    export const handler = () => 1;`;
  const spec = specOf(under.org, "x", await under.artifact(source));
  await under.platform.apply(spec);
  await under.platform.scale(spec, 1);
  const { replicas } = await until(under, ({ replicas }) => replicas.length === 1);
  const path = String(replicas[0]?.address).slice("unix:".length);
  for (const limit = Date.now() + 1_000; Date.now() < limit; await new Promise((done) => setTimeout(done, 20)))
    if (existsSync(path)) assert.ok(statSync(path).isSocket());
});

test("threads and large bundles work as before", { skip }, async () => {
  await using under = await setUp({ isolation: "required", poolSize: 1 });
  const source = `
    import { Worker } from "node:worker_threads";
    import { readdirSync } from "node:fs";
    const answer = await new Promise((done) => new Worker("require('worker_threads').parentPort.postMessage(require('fs').readdirSync('.').length)", { eval: true }).on("message", done));
    console.log(answer, readdirSync(import.meta.dirname).length);
    export const handler = () => 1;`;
  const artifact = await under.artifact(source);
  const folder = join(under.dataDir, "bundles", artifact.kind === "bundle" ? artifact.digest.slice(7) : "");
  for (let i = 0; i < 300; i++) writeFileSync(join(folder, `file-${i}.txt`), String(i));
  const spec = specOf(under.org, "x", artifact);
  await under.platform.apply(spec);
  for (let i = 0; i < 3; i++) {
    await under.platform.scale(spec, 1);
    await until(under, ({ replicas }) => replicas[0]?.ready === true);
    await under.platform.scale(spec, 0);
    await until(under, ({ replicas }) => replicas.length === 0);
  }
  assert.deepEqual(await logsOf(under, spec), ["302 302", "302 302", "302 302"]);
});

test("what functions may read beside the system is named", { skip }, async (t) => {
  const folder = mkdtempSync(join(homedir(), ".faas-readable-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "model"), "weights");
  chmodSync(folder, 0o755);
  const source = `
    import { readFileSync } from "node:fs";
    try { console.log(readFileSync(${JSON.stringify(join(folder, "model"))}, "utf8")); } catch (error) { console.log(error.code); }
    export const handler = () => 1;`;
  for (const [readable, expected] of [
    [[], "EACCES"],
    [[folder], "weights"],
  ] as const) {
    await using under = await setUp({ isolation: "required", readable });
    assert.deepEqual(await logsOf(under, await ready(under, "node", source)), [expected]);
  }
});

test("without isolation it is said so", async () => {
  await using under = await setUp({ isolation: "off" });
  assert.equal(under.platform.isolation, "none: off");
});

/** Starts it with what it is to try, and gives what it says. */
async function run(
  under: EmbeddedUnderTest,
  runtime: Language,
  source: string,
  waited: boolean,
): Promise<Record<string, string>> {
  const other = await under.artifact("export const secret = 1;\n");
  const bundle = join(under.dataDir, "bundles", other.kind === "bundle" ? other.digest.slice(7) : "");
  const sockets = join(under.dataDir, "sockets");
  assert.ok(existsSync(sockets));
  const targets = JSON.stringify([under.dataDir, sockets, bundle, process.pid, homedir()]);
  const spec = await ready(under, runtime, source, { TARGETS: targets }, waited);
  const [line = ""] = await logsOf(under, spec);
  return JSON.parse(line);
}

async function ready(
  under: EmbeddedUnderTest,
  runtime: Language,
  source: string,
  env: Record<string, string> = {},
  waited = false,
): Promise<EndpointSpec> {
  const spec = specOf(under.org, "x", await under.artifact(source, runtime), { runtime, env });
  await under.platform.apply(spec);
  if (waited) while (prewarmed().waiting.length === 0) await new Promise((done) => setTimeout(done, 20));
  await under.platform.scale(spec, 1);
  const { replicas } = await until(under, ({ replicas }) => replicas[0]?.ready === true);
  const { pid } = JSON.parse(
    execFileSync("cat", [join(under.dataDir, "run", `${replicas[0]?.id}.json`)], { encoding: "utf8" }),
  );
  assert.ok(alive(pid));
  if (waited) assert.match(commandOf(pid), /programs\/prewarmed\.(?:mjs|py)/);
  return spec;
}

const commandOf = (pid: number) => execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" });

async function untilEmpty(folder: string): Promise<void> {
  for (const limit = Date.now() + 5_000; ; await new Promise((done) => setTimeout(done, 20))) {
    const left = readdirSync(folder);
    if (left.length === 0) return;
    if (Date.now() > limit) assert.deepEqual(left, []);
  }
}

test("the key of the server's certificate is hidden, and the one that comes after it, wherever they are", {
  skip,
}, async (t) => {
  const folder = mkdtempSync(join(homedir(), ".faas-hidden-"));
  t.after(() => rmSync(folder, { recursive: true }));
  // As certbot has it: a name that leads to the latest one.
  for (const name of ["live", "archive"]) mkdirSync(join(folder, name));
  for (const name of ["open", "archive/key1.pem", "archive/key2.pem"]) writeFileSync(join(folder, name), name);
  const key = join(folder, "live/key.pem");
  symlinkSync("../archive/key1.pem", key);
  const source = `
    import { readFileSync } from "node:fs";
    const said = ["open", "live/key.pem", "archive/key2.pem"].map((name) => {
      try { return readFileSync(${JSON.stringify(folder)} + "/" + name, "utf8"); } catch (error) { return error.code; }
    });
    console.log(said.join());
    export const handler = () => 1;`;
  await using under = await setUp({ isolation: "required", readable: [folder], hidden: [key] });
  assert.deepEqual(await logsOf(under, await ready(under, "node", source)), ["open,EACCES,EACCES"]);
});

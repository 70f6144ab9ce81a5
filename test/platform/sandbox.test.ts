import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { languages } from "@faas/core";
import { eventually, tempDir } from "@faas/testing";
import { limitVariables } from "../../packages/platforms/src/common/limit-variables.ts";
import {
  apply,
  bundlePath,
  type EmbeddedUnderTest,
  logsOf,
  noMounts,
  noReplicas,
  noSandbox,
  noSignalSandbox,
  pidOf,
  python,
  ready,
  run,
  specOf,
  startPlatform,
  until,
} from "./embedded-under-test.ts";
import { untilWaiting } from "./prewarmed-processes.ts";
import { ATTEMPTS } from "./sandbox-attempts.ts";

const DENIED = /^(?:EACCES|EPERM|EROFS|\[Errno 30\]|failed|Command failed)/;
/** Attempts that every sandboxed function must fail. */
const FORBIDDEN = [
  ...["read state", "write state", "add to data", "list data", "list sockets", "list home"],
  ...["read another's bundle", "change its own code", "environment of the server", "by a child"],
];
/** Variables of the server's environment that no function may see. */
const SECRET_VARIABLES = {
  FAAS_TOKEN: "canary",
  FAAS_ADMIN: "canary",
  AWS_SECRET_ACCESS_KEY: "canary",
  NODE_OPTIONS: "",
};
const EXPECTED_VARIABLES = [
  ...[
    "FAAS_BODY_LIMIT",
    "FAAS_CONCURRENCY",
    "FAAS_ENDPOINT",
    "FAAS_ORG",
    "FAAS_OUTPUT_TAGS",
    "FAAS_REVISION",
    "FAAS_TIMEOUT_MS",
  ],
  ...["HOME", "LANG", "NODE_ENV", "PATH", "PORT", "TARGETS", "TMPDIR"],
  ...Object.keys(limitVariables({ cpuMillis: 100, memoryBytes: 2 ** 27 })),
];
/** Variables that depend on the language and the machine. */
const OPTIONAL_VARIABLES = ["NODE_COMPILE_CACHE", "PYTHONPYCACHEPREFIX", "TZ", "LC_CTYPE"];

const simple = "export const handler = () => 1;\n";

describe("a sandboxed function", { skip: noSandbox, concurrency: 3 }, () => {
  before(() => {
    Object.assign(process.env, SECRET_VARIABLES);
  });
  after(() => {
    for (const name of Object.keys(SECRET_VARIABLES)) delete process.env[name];
  });

  for (const runtime of languages)
    for (const poolSize of [0, 1])
      test(`in ${runtime} can use its own files and none of the server's, ${poolSize === 0 ? "without a pool" : "prewarmed"}`, async (t) => {
        await using under = await startPlatform({ poolSize, isolation: "required", dataDir: homeFolder(t) });
        writeFileSync(join(under.dataDir, "state.json"), "secret", { mode: 0o600 });
        const settings = { runtime, env: { TARGETS: await targets(under) } };
        const spec = await apply(under, ATTEMPTS[runtime], settings);
        if (poolSize > 0) await untilWaiting(poolSize, under.dataDir);
        await under.platform.scale(spec, 1);
        const pid = await pidOf(under, (await ready(under)).id);
        const command = readFileSync(`/proc/${pid}/cmdline`, "latin1");
        assert.equal(/programs\/prewarmed\.(?:mjs|py)/.test(command), poolSize > 0, command);
        const results = JSON.parse((await logsOf(under, spec))[0] ?? "");
        for (const name of FORBIDDEN) assert.match(results[name], DENIED, name);
        if (!noSignalSandbox) assert.match(results["signal the server"], DENIED);
        assert.match(results["its own folder"], /^ok [23]$/);
        const { temporary, "a child": child, system, itself, env } = results;
        assert.deepEqual(
          { temporary, child, system, itself },
          {
            temporary: "ok 1",
            child: "ok hi",
            system: "ok true",
            itself: "ok true",
          },
        );
        const variables = env.filter((name: string) => !OPTIONAL_VARIABLES.includes(name));
        assert.deepEqual(variables, [...EXPECTED_VARIABLES].sort());
      });

  for (const runtime of languages)
    for (const poolSize of [0, 1])
      test(`in ${runtime} has a /tmp of its own, ${poolSize === 0 ? "without a pool" : "prewarmed"}, also if the server's files are in /tmp`, {
        skip: noMounts,
      }, async (t) => {
        await using under = await startPlatform({ poolSize, isolation: "required" });
        assert.match(under.dataDir, /^\/tmp\//);
        writeFileSync(join(under.dataDir, "state.json"), "secret");
        const ofOthers = join("/tmp", `${basename(under.dataDir)}-x`);
        writeFileSync(ofOthers, "of others");
        t.after(() => rmSync(ofOthers, { force: true }));
        const settings = { runtime, env: { TARGETS: await targets(under), SHARED: ofOthers } };
        const spec = await apply(under, ATTEMPTS[runtime], settings);
        if (poolSize > 0) await untilWaiting(poolSize, under.dataDir);
        await under.platform.scale(spec, 1);
        await ready(under);
        const text = (await logsOf(under, spec))[0] ?? "";
        assert.doesNotMatch(text, /secret/);
        const results = JSON.parse(text);
        for (const name of ["read state", "read another's bundle", "change its own code", "a file of others in /tmp"])
          assert.doesNotMatch(results[name], /^ok/, name);
        assert.equal(results["/tmp"], "ok 1");
        assert.equal(results["/var/tmp"], "ok 1");
        assert.equal(readFileSync(ofOthers, "utf8"), "of others");
        assert.equal(readFileSync(join(under.dataDir, "state.json"), "utf8"), "secret");
        assert.ok(!existsSync(join(under.dataDir, "mine")));
        await under.platform.remove(spec);
        for (const folder of ["/tmp", "/var/tmp"]) assert.ok(!existsSync(join(folder, `${basename(ofOthers)}-made`)));
      });

  test("has a private socket and folders, which are removed with its endpoint", async () => {
    await using under = await startPlatform({ isolation: "required", poolSize: 1 });
    const spec = await run(under, simple);
    const { socketPath } = await ready(under);
    const folder = join(socketPath, "..");
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    // 128 random bits in a folder that functions cannot list.
    assert.match(socketPath, /\/[0-9a-f]{32}\.s$/);
    await under.platform.remove(spec);
    assert.ok(!existsSync(socketPath));
    for (const each of [folder, join(under.dataDir, "live"), join(under.dataDir, "code")])
      await eventually(`${each} is empty`, () => readdirSync(each).length === 0);
  });

  test("keeps its socket if another replica cannot be started", async () => {
    await using under = await startPlatform({ isolation: "required" });
    await run(under, simple);
    const { socketPath } = await ready(under);
    const missing = { kind: "bundle", digest: `sha256:${"f".repeat(64)}` } as const;
    await under.platform.apply(specOf(under.org, "x", missing, { secrets: { A: "missing" } }));
    await until(under, ({ failure }) => failure !== undefined);
    assert.ok(existsSync(socketPath));
  });

  test("can use threads, and a bundle too large to be linked at once", async () => {
    await using under = await startPlatform({ isolation: "required", poolSize: 1 });
    const source = `
      import { Worker } from "node:worker_threads";
      import { readdirSync } from "node:fs";
      const files = await new Promise((done) => new Worker("require('worker_threads').parentPort.postMessage(require('fs').readdirSync('.').length)", { eval: true }).on("message", done));
      console.log(files, readdirSync(import.meta.dirname).length);
      export const handler = () => 1;`;
    const artifact = await under.artifact(source);
    assert.ok(artifact.kind === "bundle");
    const folder = bundlePath(under.dataDir, artifact.digest);
    for (let i = 0; i < 300; i++) writeFileSync(join(folder, `file-${i}.txt`), String(i));
    const spec = specOf(under.org, "x", artifact);
    await under.platform.apply(spec);
    for (let i = 0; i < 3; i++) {
      await under.platform.scale(spec, 1);
      await ready(under);
      await under.platform.scale(spec, 0);
      await noReplicas(under);
    }
    assert.deepEqual(await logsOf(under, spec, 3), ["302 302", "302 302", "302 302"]);
  });

  for (const [isReadable, expected] of [
    [false, "EACCES"],
    [true, "weights"],
  ] as const)
    test(`${isReadable ? "can" : "cannot"} read a folder in the user's home that is ${isReadable ? "" : "not "}listed as readable`, async (t) => {
      const folder = homeFolder(t);
      writeFileSync(join(folder, "model"), "weights");
      chmodSync(folder, 0o755);
      const readable = isReadable ? [folder] : [];
      await using under = await startPlatform({ isolation: "required", readable });
      assert.deepEqual(await logsOf(under, await run(under, reading(folder, "model"))), [expected]);
    });

  test("cannot read the key of the server's certificate, nor the next one, in a readable folder", async (t) => {
    const folder = homeFolder(t);
    // As certbot does: a name that links to the latest key.
    for (const name of ["live", "archive"]) mkdirSync(join(folder, name));
    for (const name of ["open", "archive/key1.pem", "archive/key2.pem"]) writeFileSync(join(folder, name), name);
    const key = join(folder, "live/key.pem");
    symlinkSync("../archive/key1.pem", key);
    await using under = await startPlatform({ isolation: "required", readable: [folder], hidden: [key] });
    const source = reading(folder, "open", "live/key.pem", "archive/key2.pem");
    assert.deepEqual(await logsOf(under, await run(under, source)), ["open,EACCES,EACCES"]);
  });
});

// Changes PATH, so not concurrently with the others.
test("the sandbox works on a machine without Perl", { skip: noSandbox }, async (t) => {
  const folder = tempDir("path");
  const { PATH } = process.env;
  t.after(() => {
    process.env.PATH = PATH;
  });
  const pathOf = (program: string) => execFileSync("which", [program], { encoding: "utf8" }).trim();
  for (const program of ["true", "cat", "sh"]) symlinkSync(pathOf(program), join(folder, program));
  symlinkSync(python, join(folder, "python3"));
  process.env.PATH = folder;
  await using under = await startPlatform({ isolation: "required" });
  writeFileSync(join(under.dataDir, "state.json"), "secret");
  const spec = await run(under, ATTEMPTS.node, { env: { TARGETS: await targets(under) } });
  const results = JSON.parse((await logsOf(under, spec))[0] ?? "");
  assert.match(results["read state"], DENIED);
  assert.match(results["environment of the server"], DENIED);
  assert.equal(results.temporary, "ok 1");
});

test("a platform without a sandbox reports that", async () => {
  await using under = await startPlatform({ isolation: "off" });
  assert.equal(under.platform.isolation, "none: off");
});

/** Returns the value of TARGETS: data folder, sockets, another bundle, the server's pid, and the user's home. */
async function targets(under: EmbeddedUnderTest): Promise<string> {
  const other = await under.artifact("export const secret = 1;\n");
  assert.ok(other.kind === "bundle");
  const sockets = join(under.dataDir, "sockets");
  assert.ok(existsSync(sockets));
  return JSON.stringify([under.dataDir, sockets, bundlePath(under.dataDir, other.digest), process.pid, homedir()]);
}

/** Returns a function that prints the contents of files in a folder, or the errors of reading them. */
const reading = (folder: string, ...names: string[]) => `
  import { readFileSync } from "node:fs";
  const read = (name) => {
    try { return readFileSync(${JSON.stringify(folder)} + "/" + name, "utf8"); } catch (error) { return error.code; }
  };
  console.log(${JSON.stringify(names)}.map(read).join());
  export const handler = () => 1;`;

/** Creates a folder in the user's home that is removed with the test. */
function homeFolder(t: { after(remove: () => void): void }): string {
  const folder = mkdtempSync(join(homedir(), ".faas-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

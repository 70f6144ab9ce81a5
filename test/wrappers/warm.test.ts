import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually, tempDir } from "@faas/testing";
import { sourceItems } from "../../packages/builder/src/bundle/pack.ts";
import { prepareCode } from "../../packages/builder/src/bundle/prepare.ts";
import { readSource } from "../../packages/builder/src/source/source.ts";
import { exitOf } from "./contract.ts";
import { wrappers } from "./languages.ts";
import { startWarm, type WarmWrapper } from "./warm-process.ts";

/** Functions that answer with what they see of their surroundings, and that finish loading when the file GATE exists. */
const functions = {
  Node: `
import { existsSync } from "node:fs";
import own from "./lib/own.mjs";
console.log("loading");
while (!existsSync(process.env.GATE)) await new Promise((done) => setTimeout(done, 5));
process.on("SIGTERM", () => { console.log("bye"); process.exit(0); });
export const handler = (event, { org, endpoint, revision }) => ({
  own, identity: [org, endpoint, revision], folder: process.cwd(), program: process.argv[1], variable: process.env.OWN,
  warm: ["FAAS_WARM", "FAAS_WARM_FOLDER", "FAAS_CLAIM_SHA256"].filter((name) => name in process.env),
});`,
  Python: `
import os, signal, sys, time
from lib import own
print("loading")
while not os.path.exists(os.environ["GATE"]):
    time.sleep(0.005)
signal.signal(signal.SIGTERM, lambda *_: (print("bye"), sys.exit(0)))
def handler(event, context):
    return {
        "own": own.value, "identity": [context.org, context.endpoint, context.revision], "folder": os.getcwd(),
        "program": os.path.abspath(sys.argv[0]), "variable": os.environ["OWN"],
        "warm": [name for name in ("FAAS_WARM", "FAAS_WARM_FOLDER", "FAAS_CLAIM_SHA256") if name in os.environ],
    }`,
};
const libraries = {
  Node: { path: "lib/own.mjs", text: "export default 7;" },
  Python: { path: "lib/own.py", text: "value = 7" },
};

const broken = { Node: "\nthrow new Error('no luck');", Python: "\nraise ValueError('no luck')" };

for (const name of ["Node", "Python"] as const) {
  const language = wrappers[name];

  describe(`a warm ${name} process`, () => {
    let warm: WarmWrapper;
    before(async () => {
      warm = await startWarm(language);
    });
    after(() => warm[Symbol.asyncDispose]());

    test("rejects calls, because it has no function", async () => {
      const answer = await warm.call("/", { method: "POST", body: "x" });
      assert.deepEqual([answer.status, answer.json().code], [503, "NO_CAPACITY"]);
      assert.equal(answer.headers["retry-after"], "1");
    });

    test("rejects a claim without its token", async () => {
      const answer = await warm.claim({ [language.file]: functions[name] }, { token: "guessed" });
      assert.deepEqual([answer.status, answer.json().code], [403, "FORBIDDEN"]);
    });

    const invalid: Readonly<Record<string, () => ReturnType<WarmWrapper["claim"]>>> = {
      "another digest": () => warm.claim({ "index.mjs": "1" }, { digest: `sha256:${"0".repeat(64)}` }),
      "a path that leads out": () => warm.claim({ "lib/../../index.mjs": "1" }),
      "an absolute path": () => warm.claim({ "/index.mjs": "1" }),
      "a file below a link": () =>
        warm.claim([
          { path: "out", link: "/tmp" },
          { path: "out/index.mjs", text: "1" },
        ]),
      "a relative folder": () => warm.claim({}, { folder: "app" }),
      "a variable that is not a text": () => warm.claim({}, { env: { A: 1 as unknown as string } }),
      "missing bytes": () => warm.claim([], { body: '{"folder":"/app","env":{},"files":[{"path":"a","size":9}]}\n1' }),
      "no JSON": () => warm.claim([], { body: "index.mjs" }),
    };
    for (const [what, claim] of Object.entries(invalid)) {
      test(`rejects a claim with ${what}`, async () => {
        const answer = await claim();
        assert.deepEqual([answer.status, answer.json().code], [400, "INVALID_REQUEST"]);
      });
    }

    test("rejects a claim of more than 8 MiB", async () => {
      // The client may not get the response while it still sends.
      const answer = await warm.claim([], { body: Buffer.alloc(8 * 2 ** 20 + 1) }).catch(() => undefined);
      if (answer !== undefined) assert.deepEqual([answer.status, answer.json().code], [413, "BODY_TOO_LARGE"]);
    });

    test("still waits after that, and ends at once on SIGTERM", async () => {
      assert.deepEqual((await warm.call("/-/ready")).json(), { status: "warm" });
      warm.child.kill("SIGTERM");
      assert.equal(await exitOf(warm.child), 0);
      assert.equal(warm.output(), "");
    });
  });

  describe(`a claimed ${name} process`, () => {
    let replica: WarmWrapper;
    let early: Promise<{ readonly status: number }>;
    const path = (file: string) => join(replica.folder, file);
    before(async () => {
      replica = await startWarm(language);
      // Files that an image has: one that is read-only, and a link to somewhere else.
      writeFileSync(path(language.file), "old", { mode: 0o444 });
      symlinkSync(path("elsewhere"), path("data.txt"));
      const gate = `${replica.folder}/gate`;
      const claimed = replica.claim(
        [
          { path: language.file, text: functions[name] },
          { path: "lib", type: "folder", mode: 0o755 },
          libraries[name],
          { path: "data.txt", text: "data ü", mode: 0o755 },
          { path: "deep/link", link: "../data.txt" },
        ],
        { env: { FAAS_ORG: "acme", FAAS_ENDPOINT: "it", FAAS_REVISION: "rev1", OWN: "ü", GATE: gate } },
      );
      await eventually("the function to load", () => replica.output().includes("loading"));
      early = replica.call("/early");
      writeFileSync(gate, "");
      const answer = await claimed;
      assert.deepEqual([answer.status, answer.text], [200, '{"status":"ready"}'], replica.output());
    });
    after(() => replica[Symbol.asyncDispose]());

    test("answers calls that came while the function was loaded", async () => {
      assert.equal((await early).status, 200);
    });

    test("is ready", async () => {
      assert.deepEqual((await replica.call("/-/ready")).json(), { status: "ready" });
    });

    test("runs the function in its folder, with its files, variables and identity", async () => {
      assert.deepEqual((await replica.call("/")).json(), {
        own: 7,
        identity: ["acme", "it", "rev1"],
        folder: replica.folder,
        program: path(basename(language.wrapper)),
        variable: "ü",
        warm: [],
      });
    });

    test("has written files and folders that are read-only, in place of others", () => {
      const modes = [language.file, "lib", libraries[name].path, "data.txt", "deep"].map(
        (file) => statSync(path(file)).mode & 0o777,
      );
      assert.deepEqual(modes, [0o444, 0o555, 0o444, 0o555, 0o555]);
      assert.ok(!existsSync(path("elsewhere")));
      assert.equal(readFileSync(path("deep/link"), "utf8"), "data ü");
    });

    test("rejects a second claim", async () => {
      const answer = await replica.claim({ [language.file]: "" });
      assert.deepEqual([answer.status, answer.json().code], [409, "REPLICA_CLAIMED"]);
    });

    test("drains on SIGTERM, and calls the function's handler", async () => {
      replica.child.kill("SIGTERM");
      assert.equal(await exitOf(replica.child), 0);
      assert.match(replica.output(), /bye/);
    });
  });

  test(`a claimed process that was killed has its function again when it starts again (${name})`, async () => {
    const claimFile = join(tempDir("claim"), "claim.json");
    await using killed = await startWarm(language, { claimFile });
    const gate = `${killed.folder}/gate`;
    writeFileSync(gate, "");
    const env = { FAAS_ORG: "acme", FAAS_ENDPOINT: "it", FAAS_REVISION: "rev1", OWN: "ü", GATE: gate };
    const files = { [language.file]: functions[name], [libraries[name].path]: libraries[name].text };
    assert.equal((await killed.claim(files, { env })).status, 200);
    const before = (await killed.call("/")).json();
    killed.child.kill("SIGKILL");
    await exitOf(killed.child);
    await using again = await startWarm(language, { claimFile });
    assert.deepEqual((await again.call("/")).json(), before);
    assert.deepEqual((await again.call("/-/ready")).json(), { status: "ready" });
    assert.equal((await again.claim({ [language.file]: "" })).status, 409);
  });

  test(`a claim of a function that fails to load is answered with the error, as /-/ready (${name})`, async () => {
    await using replica = await startWarm(language);
    const answer = await replica.claim({ [language.file]: broken[name] });
    assert.deepEqual([answer.status, answer.json().code], [502, "FUNCTION_LOAD_FAILED"]);
    assert.match(answer.json().detail, new RegExp(`^${language.file}:2: .*no luck`));
    assert.equal((await replica.call("/-/ready")).json().detail, answer.json().detail);
  });
}

test("a claim may bring an application in Node", async () => {
  const main = 'const http = require("node:http"); http.createServer((_, response) => response.end("own")).listen(80);';
  await using replica = await startWarm(wrappers.Node);
  assert.equal((await replica.claim({ "index.js": main })).status, 200, replica.output());
  assert.equal((await replica.call("/")).text, "own");
});

test("a warm Python process imports packages ahead, and starts again for a function with another value of their variables", async () => {
  const text = 'import os, sys\nvalue = os.environ.get("VALUE")\nprint("imported", value, file=sys.stderr, flush=True)';
  await using replica = await startWarm(wrappers.Python, { present: { ".packages/flask/__init__.py": text } });
  await eventually("the import", () => replica.output() === "imported None\n");
  const main = "import flask\nasync def handler(event):\n    return flask.value";
  const answer = await replica.claim({ "main.py": main }, { env: { VALUE: "own" } });
  assert.deepEqual([answer.status, answer.text], [200, '{"status":"ready"}'], replica.output());
  assert.equal((await replica.call("/")).text, "own");
  assert.equal(replica.output(), "imported None\nimported own\n");
  assert.equal((await replica.claim({})).status, 409);
  replica.child.kill("SIGTERM");
  assert.equal(await exitOf(replica.child), 0);
});

test("a claim may bring a function in TypeScript, with all files of its code", async () => {
  const folder = tempDir("warm");
  writeFileSync(join(folder, "index.ts"), 'enum Own { Value = "own" }\nexport const handler = () => Own.Value;');
  const code = await prepareCode(await readSource(folder, 2 ** 20), {});
  const files = sourceItems(code).map(({ name, path, text = readFileSync(path ?? "", "utf8") }) => [
    name,
    String(text),
  ]);
  await using replica = await startWarm(wrappers.Node);
  assert.equal((await replica.claim(Object.fromEntries(files))).status, 200, replica.output());
  assert.equal((await replica.call("/")).text, "own");
  assert.ok(existsSync(join(replica.folder, ".interface.mjs")));
});

test("a claim waits for the startup of an ASGI application", async () => {
  const app = `
async def app(scope, receive, send):
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no luck"})`;
  await using replica = await startWarm(wrappers.Python);
  const answer = await replica.claim({ "main.py": app });
  assert.deepEqual([answer.status, answer.json().code], [502, "FUNCTION_LOAD_FAILED"]);
  assert.match(answer.json().detail, /no luck/);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { eventually } from "@faas/testing";
import { ServerUnderTest } from "../platform/server-under-test.ts";

/** Situations from existing code, on one machine with its defaults: prewarmed, sandboxed processes. */
describe("existing code in functions", () => {
  let under: ServerUnderTest;
  before(async () => {
    under = await ServerUnderTest.start();
  });
  after(() => under[Symbol.asyncDispose]());

  async function deploy(name: string, files: Readonly<Record<string, string>>, ...args: string[]): Promise<string> {
    const { code, stderr } = await under.deploy(name, files, ...args);
    assert.equal(code, 0, stderr);
    return `${under.url}/acme/${name}`;
  }

  const echoes = {
    "index.mjs": `export const handler = ({ body, rawBody }) => ({ body, bytes: rawBody.length });`,
    "main.py": `def handler(event): return {"body": event.body, "bytes": len(event.rawBody)}\n`,
  };
  for (const [file, text] of Object.entries(echoes)) {
    test(`${file} gets compressed JSON and JSON with a byte order mark parsed`, async () => {
      const address = await deploy(`body-${file.split(".")[1]}`, { [file]: text });
      const json = Buffer.from('\ufeff{"a":1}');
      for (const [body, encoding] of [
        [json, "identity"],
        [gzipSync(json), "gzip"],
      ] as const) {
        const headers = { "content-type": "application/json", "content-encoding": encoding };
        const response = await fetch(address, { method: "POST", headers, body: new Uint8Array(body) });
        assert.deepEqual(await response.json(), { body: { a: 1 }, bytes: json.length });
      }
    });
  }

  test("a function passes on the response of a compressed upstream", async () => {
    await using upstream = createServer((_, response) => {
      const body = gzipSync("x".repeat(2000));
      response.writeHead(200, { "content-encoding": "gzip", "content-length": body.length }).end(body);
    }).listen(0, "127.0.0.1");
    await once(upstream, "listening");
    const { port } = upstream.address() as AddressInfo;
    const address = await deploy("proxy", {
      "index.mjs": `export default { fetch: () => fetch("http://127.0.0.1:${port}") };`,
    });
    const response = await fetch(address, { headers: { "accept-encoding": "gzip" } });
    const bytes = Buffer.from(await response.arrayBuffer());
    const text = bytes[0] === 0x1f ? gunzipSync(bytes).toString() : bytes.toString();
    assert.equal(text, "x".repeat(2000));
    upstream.closeAllConnections();
  });

  const leaving = {
    "index.mjs": `import { spawn } from "node:child_process";
import { once } from "node:events";
process.on("SIGTERM", () => process.exit(0));
export async function handler() {
  console.log("begun");
  const [code] = await once(spawn("sleep", ["1"]), "exit");
  return "code " + code;
}`,
    "main.py": `import signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
def handler(event):
    print("begun")
    return f"code {subprocess.run(['sleep', '1']).returncode}"
`,
  };
  for (const [file, text] of Object.entries(leaving)) {
    test(`${file} with a handler of SIGTERM and a child process answers a call that a deployment replaces`, async () => {
      const name = `leaving-${file.split(".")[1]}`;
      const address = await deploy(name, { [file]: text });
      const answering = fetch(address, { method: "POST" });
      await eventually("the call begins", async () =>
        (await under.run("logs", `acme/${name}`)).stdout.includes("begun"),
      );
      await deploy(name, { [file]: `${text}\n` });
      const response = await answering;
      assert.deepEqual([response.status, await response.text()], [200, "code 0"]);
    });
  }

  test("a stream that keeps sending may take longer than the timeout of a call", async () => {
    const text = `export async function* handler() {
  for (let i = 0; i < 15; i++) { yield "piece"; await new Promise((done) => setTimeout(done, 100)); }
}`;
    const address = await deploy("stream", { "index.mjs": text }, "--timeout", "1s");
    assert.equal(await (await fetch(address)).text(), "piece".repeat(15));
  });

  test("a plain Python function with a concurrency of 1 uses a sqlite3 connection of its module", async () => {
    const text = `import sqlite3
db = sqlite3.connect(":memory:")
db.execute("create table t(n int)")
def handler(event):
    db.execute("insert into t values (1)")
    return db.execute("select count(*) from t").fetchone()[0]
`;
    const address = await deploy("sqlite", { "main.py": text }, "--concurrency", "1");
    for (const count of ["1", "2"]) assert.equal(await (await fetch(address)).text(), count);
  });

  test("a Python function spawns processes, and scales to zero without a traceback", async () => {
    const text = `import multiprocessing
from concurrent.futures import ProcessPoolExecutor
def square(n): return n * n
def handler(event):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(event.query["method"])) as pool:
        return list(pool.map(square, [1, 2]))
`;
    const address = await deploy("processes", { "main.py": text }, "--idle-timeout", "1s");
    for (const method of ["spawn", "forkserver"])
      assert.deepEqual(await (await fetch(`${address}?method=${method}`)).json(), [1, 4]);
    await under.faas.untilIdle("processes");
    assert.doesNotMatch((await under.run("logs", "acme/processes")).stdout, /Traceback|Error/);
  });

  test("a Python project with a src layout runs a handler of its own package", async () => {
    const address = await deploy(
      "layout",
      {
        "pyproject.toml":
          '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n[project]\nname = "my-app"\nversion = "1.2"\n',
        "src/my_app/__init__.py": 'from importlib.metadata import version\n__version__ = version("my-app")\n',
        "src/my_app/main.py":
          "import my_app\nfrom . import __version__\ndef handler(event): return [__name__, my_app.__version__, __version__, callable(exit)]\n",
      },
      "--handler",
      "my_app.main.handler",
    );
    assert.deepEqual(await (await fetch(address)).json(), ["my_app.main", "1.2", "1.2", true]);
  });

  test("a Python function does not see the packages of this machine, and the error says what to add", async () => {
    const { code, stderr } = await under.deploy("missing", { "main.py": "import pip\ndef handler(event): return 1\n" });
    assert.notEqual(code, 0);
    assert.match(stderr, /main\.py:1: ModuleNotFoundError: No module named 'pip': add "pip" to requirements\.txt/);
  });
});

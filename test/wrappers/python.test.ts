import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { promisify } from "node:util";
import { eventually, tempDir } from "@faas/testing";
import { exitOf, type Language, start, wrapperContract } from "./contract.ts";
import { asynchronous, interpreter, python, templates } from "./python-functions.ts";

const execute = promisify(execFile);
before(async () => {
  const version = await execute(interpreter, ["--version"]).catch((error: Error) => error);
  assert.ok(
    !(version instanceof Error) && /^Python 3\.(9|\d\d)\b/.test(version.stdout),
    `Expected "${interpreter}" to be Python 3.9 or newer, got ${JSON.stringify(version)}; install it, or name it with FAAS_PYTHON`,
  );
});

/** Wrapper with a CPU limit of half a core: it reads the limit (cgroup v2, `cpu.max`) from another file. */
async function limited(): Promise<Language> {
  const limit = join(folder, "cpu.max");
  await writeFile(limit, "50000 100000\n");
  const text = await readFile(python.wrapper, "utf8");
  const wrapper = join(folder, ".interface.py");
  await writeFile(wrapper, text.replace('"/sys/fs/cgroup/cpu.max"', JSON.stringify(limit)));
  return { ...python, name: "Python with half a core", wrapper };
}

const folder = tempDir("python");

wrapperContract(python);
wrapperContract(asynchronous);
wrapperContract(await limited());

describe("the Python wrapper, beyond the contract", { concurrency: true }, () => {
  const responseOf = async (main: string, path = "/", files: Readonly<Record<string, string>> = {}) => {
    await using wrapper = await start(python, main, {}, { files });
    return await wrapper.call(path);
  };

  test("the wrapper has only syntax of Python 3.9", async () => {
    const check = "import ast, sys; ast.parse(open(sys.argv[1], encoding='utf-8').read(), feature_version=(3, 9))";
    await execute(interpreter, ["-c", check, python.wrapper]);
  });

  test("the fields of the event are also attributes", async () => {
    const main = `
def handler(event, context):
    return [event.path == event["path"], event.query.get("a"), event.get("body"), hasattr(event, "nothing")]
`;
    assert.equal((await responseOf(main, "/p?a=1")).text, '[true,"1",null,false]');
  });

  const oneParameter: [string, string][] = [
    ["a function", "def handler(event): return event.path"],
    ["an async function", "async def handler(event): return event.path"],
    ["a method", "class A:\n    def call(self, event): return event.path\nhandler = A().call"],
    ["an object that can be called", "class A:\n    def __call__(self, event): return event.path\nhandler = A()"],
    [
      "a decorated function",
      "import functools\ndef noted(f):\n    @functools.wraps(f)\n    def g(*a): return f(*a)\n    return g\n@noted\ndef handler(event): return event.path",
    ],
    ["a partial", "import functools\ndef f(a, event): return event.path\nhandler = functools.partial(f, 1)"],
  ];
  for (const [what, main] of oneParameter) {
    test(`a handler with one parameter gets the event: ${what}`, async () => {
      assert.equal((await responseOf(main, "/given")).text, "/given");
    });
  }

  test("plain functions run in parallel: eight that wait for each other all return", async () => {
    const main = `
import threading
barrier = threading.Barrier(8)
def handler(event):
    barrier.wait(10)
    return "met"
`;
    await using wrapper = await start(python, main);
    const answers = await Promise.all(Array.from({ length: 8 }, () => wrapper.call("/")));
    assert.deepEqual(new Set(answers.map(({ text }) => text)), new Set(["met"]));
  });

  test("numpy arrays and numbers, dates, dataclasses and sets become JSON, and NaN becomes null, as in JavaScript", async () => {
    const main = `
import dataclasses, datetime
class Array:
    def tolist(self): return [1, [2.5, float("nan")]]
class Number:
    def item(self): return 7
@dataclasses.dataclass
class Point:
    x: int
    y: object
def handler(event):
    return {"a": Array(), "n": Number(), "d": datetime.date(2020, 1, 2), "p": Point(1, Number()), "s": {1}, "i": float("inf")}
`;
    const { json } = await responseOf(main);
    assert.deepEqual(json(), { a: [1, [2.5, null]], n: 7, d: "2020-01-02", p: { x: 1, y: 7 }, s: [1], i: null });
  });

  test("a plain function may return an awaitable", async () => {
    const main = `
import asyncio
async def later():
    await asyncio.sleep(0)
    return "awaited"
def handler(event): return later()
`;
    assert.equal((await responseOf(main)).text, "awaited");
  });

  test("an async function may return a plain generator, and an open file", async () => {
    const main = `
async def handler(event):
    return open(__file__) if event.path == "/file" else (str(i) for i in range(3))
`;
    await using wrapper = await start(python, main);
    assert.equal((await wrapper.call("/")).text, "012");
    assert.equal((await wrapper.call("/file")).text, main);
  });

  for (const [what, main] of [
    [
      "plain",
      "import time\ndef pieces():\n    try:\n        while True:\n            yield 'x' * 1000; time.sleep(0.001)\n",
    ],
    [
      "async",
      "import asyncio\nasync def pieces():\n    try:\n        while True:\n            yield 'x' * 1000; await asyncio.sleep(0.001)\n",
    ],
  ] as const) {
    test(`a generator is closed when its client disconnects: ${what}`, async () => {
      const def = what === "async" ? "async def" : "def";
      await using wrapper = await start(
        python,
        `${main}    finally:\n        print("closed")\n${def} handler(event): return pieces()\n`,
      );
      const socket = connect(wrapper.socketPath);
      socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await once(socket, "data");
      socket.destroy();
      await eventually("the generator's end", () => wrapper.output().includes("closed"));
    });

    test(`a generator waits for a client that does not read: ${what}`, async () => {
      const def = what === "async" ? "async def" : "def";
      const counting = main.replace(
        /try:[\s\S]*/,
        "for i in range(50):\n        print(i)\n        yield 'x' * 500000\n",
      );
      await using wrapper = await start(
        python,
        `${counting}    print("all")\n${def} handler(event): return pieces()\n`,
      );
      const socket = connect(wrapper.socketPath).pause();
      socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await eventually("the first piece", () => wrapper.output().includes("0\n"));
      // Meanwhile, the wrapper could produce all of them.
      for (let i = 0; i < 100; i++) await wrapper.call("/-/ready");
      assert.ok(!wrapper.output().includes("all"));
      socket.resume();
      await eventually("the last piece", () => wrapper.output().includes("all"));
      socket.destroy();
    });
  }

  test("an async function is cancelled after its timeout", async () => {
    const main = `
import asyncio
async def handler(event):
    try:
        await asyncio.sleep(30)
    finally:
        print("cancelled")
`;
    await using wrapper = await start(python, main, { FAAS_TIMEOUT_MS: "50" });
    assert.equal((await wrapper.call("/")).json().code, "FUNCTION_TIMEOUT");
    await eventually("the function's end", () => wrapper.output().includes("cancelled"));
  });

  test("a plain function keeps running after its timeout, and keeps its slot until it returns", async () => {
    const main = `
import os, time
def handler(event):
    if event.path == "/quick": return "quick"
    while not os.path.exists("gate"): time.sleep(0.005)
    print("returned")
`;
    await using wrapper = await start(python, main, { FAAS_TIMEOUT_MS: "1000", FAAS_CONCURRENCY: "2" });
    assert.equal((await wrapper.call("/slow")).status, 504);
    assert.equal((await wrapper.call("/quick")).text, "quick");
    await execute(interpreter, ["-c", `open(${JSON.stringify(join(wrapper.socketPath, "../gate"))}, "w")`]);
    await eventually("the slow one", () => wrapper.output().includes("returned"));
    assert.equal((await wrapper.call("/quick")).text, "quick");
  });

  test("exits when plain functions hold every thread beyond their deadline", async () => {
    const main = "import time\ndef handler(event): time.sleep(60)\n";
    await using wrapper = await start(python, main, { FAAS_TIMEOUT_MS: "200", FAAS_CONCURRENCY: "2" });
    const answers = await Promise.all([wrapper.call("/"), wrapper.call("/")]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [504, 504],
    );
    assert.equal(await exitOf(wrapper.child), 1);
    assert.match(wrapper.output(), /held by calls beyond their deadline/);
  });

  for (const def of ["def", "async def"]) {
    test(`sys.exit() in a function ends the process, and is logged: ${def}`, async () => {
      await using wrapper = await start(python, `import sys\n${def} handler(event): sys.exit(3)\n`);
      await assert.rejects(wrapper.call("/", { headers: { "x-request-id": "the-last" } }));
      assert.equal(await exitOf(wrapper.child), 3);
      assert.match(wrapper.output(), /sys\.exit\(3\).*the-last/);
    });
  }

  test("a missing module is reported with the line that imports it", async () => {
    const { detail } = (await responseOf("a = 1\nimport nowhere_to_be_found\n", "/-/ready")).json();
    assert.match(detail, /^main\.py:2: ModuleNotFoundError: .*nowhere_to_be_found.*requirements\.txt/);
  });

  test("an error in another module of the function is reported with that file", async () => {
    const files = { "lib/part.py": "a = 1\nb = a.c\n" };
    const { detail } = (await responseOf("import lib.part\n", "/-/ready", files)).json();
    assert.match(detail, /^lib\/part\.py:2: AttributeError/);
  });

  test("a function can import from its folder and from .packages in it", async () => {
    const files = { "own.py": "a = 1", ".packages/installed.py": "b = 2" };
    const main = "import own, installed\ndef handler(event): return [own.a, installed.b]\n";
    assert.equal((await responseOf(main, "/", files)).text, "[1,2]");
  });

  test("the wrapper does not import a user's file that is named like a module of the standard library", async () => {
    const files = { "json.py": "", "socket.py": "raise ValueError", "selectors.py": "", "queue.py": "" };
    assert.equal((await responseOf("def handler(event): return [1]\n", "/", files)).text, "[1]");
  });

  test("FAAS_HANDLER accepts a handler in a folder, by path and as a dotted name", async () => {
    const files = { "src/app.py": "def run(event): return 'found'" };
    for (const handler of ["src/app.run", "src.app.run"]) {
      await using wrapper = await start(python, "", { FAAS_HANDLER: handler }, { files });
      assert.equal((await wrapper.call("/")).text, "found");
    }
  });

  test("a plain function starts without asyncio, whose import takes longer than everything else", async () => {
    const main =
      "import sys\nloaded = 'asyncio' in sys.modules\ndef handler(event): return loaded or 'asyncio' in sys.modules\n";
    assert.equal((await responseOf(main)).text, "false");
  });

  test("context.log writes its fields and the request id as one line of JSON to stderr", async () => {
    await using wrapper = await start(python, "def handler(event, context): context.log.warn('careful', n=1)\n");
    await wrapper.call("/", { headers: { "x-request-id": "r1" } });
    const line = '{"level":"warn","requestId":"r1","message":"careful","n":1}\n';
    await eventually("the line", () => wrapper.output().includes(line));
  });

  test("the starter's own test passes", async () => {
    await execute(interpreter, ["-B", "-m", "unittest"], { cwd: join(templates, "starter") });
  });
});

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { eventually } from "@faas/testing";
import { exitOf, start } from "./contract.ts";
import { wrappers } from "./languages.ts";

/** A function whose call takes half a second, with handlers of SIGTERM; `order` of its output is what counts. */
interface Example {
  readonly name: string;
  readonly language: (typeof wrappers)[keyof typeof wrappers];
  readonly text: string;
  /** Exit code, 0 unless the handler says otherwise. */
  readonly code?: number;
  /** Lines after "begun" and "answered". */
  readonly lines: readonly string[];
  readonly concurrency?: number;
}

const NODE = `
import { setTimeout as sleep } from "node:timers/promises";
setInterval(() => {}, 1000);
export async function handler() { console.log("begun"); await sleep(500); console.log("answered"); return "ok"; }
`;
const PLAIN = `
import asyncio, signal, sys, threading, time
def handler(event, context):
    print("begun"); time.sleep(0.5); print("answered"); return "ok"
`;
const ASYNC = PLAIN.replace("def handler", "async def handler").replace("time.sleep", "await asyncio.sleep");
const EXIT = "signal.signal(signal.SIGTERM, lambda *_: (print('bye'), sys.exit(0)))\n";

const examples: Example[] = [
  {
    name: "process.exit in a handler",
    language: wrappers.Node,
    text: `${NODE}process.on("SIGTERM", () => { console.log("bye"); process.exit(0); });
process.on("exit", () => console.log("exit hook"));`,
    lines: ["bye", "exit hook"],
  },
  {
    name: "an exit code",
    language: wrappers.Node,
    text: `${NODE}process.once("SIGTERM", (name, number) => { console.log(name, number); process.exit(7); });`,
    lines: ["SIGTERM 15"],
    code: 7,
  },
  {
    name: "async handlers",
    language: wrappers.Node,
    text: `${NODE}for (const name of ["one", "two"]) process.prependListener("SIGTERM", async () => { await sleep(50); console.log(name); });`,
    lines: ["two", "one"],
  },
  {
    name: "a handler that ends later by a callback",
    language: wrappers.Node,
    text: `${NODE}process.on("SIGTERM", () => { setTimeout(() => { console.log("later"); process.exit(0); }, 50); });`,
    lines: ["later"],
  },
  {
    name: "a handler that does not end the process",
    language: wrappers.Node,
    text: `${NODE}process.on("SIGTERM", () => console.log("ignored"));`,
    lines: ["ignored"],
  },
  {
    name: "all listeners removed",
    language: wrappers.Node,
    text: `${NODE}process.removeAllListeners("SIGTERM");`,
    lines: [],
  },
  {
    name: "a handler that sends the signal once more",
    language: wrappers.Node,
    text: `${NODE}process.once("SIGTERM", () => { console.log("again"); process.kill(process.pid, "SIGTERM"); });`,
    lines: ["again"],
  },
  ...[1, 80].map((concurrency) => ({
    name: `sys.exit in a handler, concurrency ${concurrency}`,
    language: wrappers.Python,
    text: `${PLAIN}signal.signal(signal.SIGTERM, lambda *_: (print(threading.current_thread() is threading.main_thread()), sys.exit(0)))\n`,
    lines: ["True"],
    concurrency,
  })),
  {
    name: "an exit code",
    language: wrappers.Python,
    text: `${PLAIN}signal.signal(signal.SIGTERM, lambda number, frame: (print(number), sys.exit(7)))\n`,
    lines: ["15"],
    code: 7,
  },
  {
    name: "the default handler",
    language: wrappers.Python,
    text: `${PLAIN}signal.signal(signal.SIGTERM, signal.SIG_DFL)\n`,
    lines: [],
  },
  {
    name: "an ignored signal",
    language: wrappers.Python,
    text: `${PLAIN}signal.signal(signal.SIGTERM, signal.SIG_IGN)\n`,
    lines: [],
  },
  {
    name: "a chain of handlers",
    language: wrappers.Python,
    text: `${PLAIN}${EXIT}
before = signal.getsignal(signal.SIGTERM)
def chained(*args):
    print("chained"); before(*args)
assert signal.signal(signal.SIGTERM, chained) is before
`,
    lines: ["chained", "bye"],
  },
  { name: "sys.exit in a handler of an async function", language: wrappers.Python, text: ASYNC + EXIT, lines: ["bye"] },
  {
    name: "a handler of the event loop",
    language: wrappers.Python,
    text: `${ASYNC.replace("    print", "    loop = asyncio.get_running_loop(); loop.add_signal_handler(signal.SIGTERM, lambda: loop.create_task(end()))\n    print")}
async def end():
    await asyncio.sleep(0.05)
    print("ended")
`,
    lines: ["ended"],
  },
];

describe("handlers of SIGTERM", { concurrency: 4 }, () => {
  for (const { name, language, text, code = 0, lines, concurrency = 80 } of examples) {
    test(`run after the calls in flight: ${name} (${language.file})`, async () => {
      await using wrapper = await start(language, text, { FAAS_CONCURRENCY: String(concurrency) });
      const answering = wrapper.call("/");
      await eventually("the call to begin", () => wrapper.output().includes("begun"));
      wrapper.child.kill("SIGTERM");
      assert.equal((await answering).status, 200);
      assert.equal(await exitOf(wrapper.child), code);
      await eventually("the output", () => wrapper.output().includes(lines.at(-1) ?? ""));
      assert.deepEqual(wrapper.output().trim().split("\n"), ["begun", "answered", ...lines]);
    });
  }

  test("run when the time of a call in flight is up", async () => {
    const stuck = `import signal, sys, time\ndef handler(event):\n    print("begun"); time.sleep(60)\n${EXIT}`;
    await using wrapper = await start(wrappers.Python, stuck, { FAAS_TIMEOUT_MS: "300" });
    const answering = wrapper.call("/");
    await eventually("the call to begin", () => wrapper.output().includes("begun"));
    wrapper.child.kill("SIGTERM");
    assert.equal((await answering).status, 504);
    assert.equal(await exitOf(wrapper.child), 0);
    assert.match(wrapper.output(), /bye/);
  });

  test("a forked process ends by SIGTERM, and a pool that is left open does not keep the wrapper", async () => {
    const text = `
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
context = multiprocessing.get_context("fork")
left = ProcessPoolExecutor(1, mp_context=context)
def double(n): return 2 * n
def handler(event):
    with context.Pool(1) as pool: ended = pool.map(double, [1])
    return ended + list(left.map(double, [2]))
`;
    await using wrapper = await start(wrappers.Python, text);
    assert.equal((await wrapper.call("/")).text, "[2,4]");
    wrapper.child.kill("SIGTERM");
    assert.equal(await exitOf(wrapper.child), 0, wrapper.output());
  });
});

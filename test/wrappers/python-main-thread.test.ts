import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { eventually } from "@faas/testing";
import { exitOf, start } from "./contract.ts";
import { wrappers } from "./languages.ts";

const folder = await mkdtemp(join(tmpdir(), "faas-main-thread-"));
after(() => rm(folder, { recursive: true, force: true }));

/** The wrapper in a container with a CPU limit of half a core, read from another file. */
async function limited() {
  const limit = join(folder, "cpu.max");
  await writeFile(limit, "50000 100000\n");
  const text = await readFile(wrappers.Python.wrapper, "utf8");
  const wrapper = join(folder, ".interface.py");
  await writeFile(wrapper, text.replace('"/sys/fs/cgroup/cpu.max"', JSON.stringify(limit)));
  return { ...wrappers.Python, wrapper };
}

const MAIN = `
import asyncio, os, signal, sqlite3, sys, threading, time
db = sqlite3.connect(":memory:")
db.execute("create table t(n int)")
thread = threading.get_ident()
async def later():
    await asyncio.sleep(0)
    return threading.get_ident()
def pieces():
    for i in range(3):
        time.sleep(0.15)
        yield str(threading.get_ident() == thread)
def handler(event, context):
    if event.path == "/wait":
        print("begun")
        while not os.path.exists("gate"): time.sleep(0.01)
    if event.path == "/signal":
        rung = []
        signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        while not rung: time.sleep(0.001)
    if event.path == "/loop":
        if sys.version_info >= (3, 14): asyncio.set_event_loop(asyncio.new_event_loop())
        return asyncio.get_event_loop().run_until_complete(later()) == thread
    if event.path == "/stream": return pieces()
    if event.path == "/late": time.sleep(60)
    db.execute("insert into t values (1)")
    return {"rows": db.execute("select count(*) from t").fetchone()[0], "main": threading.get_ident() == thread}
`;

for (const [name, language] of [
  ["without a CPU limit", wrappers.Python],
  ["with a CPU limit", await limited()],
] as const) {
  describe(`a plain function with a concurrency of 1, ${name}`, () => {
    const begin = (env: Record<string, string> = {}) => start(language, MAIN, { FAAS_CONCURRENCY: "1", ...env });

    test("runs on the main thread, also after a long call, while the server answers", async () => {
      await using wrapper = await begin();
      assert.deepEqual((await wrapper.call("/")).json(), { rows: 1, main: true });
      for (let rows = 2; rows < 6; rows += 2) {
        const waiting = wrapper.call("/wait");
        await eventually("the call to begin", () => wrapper.output().split("begun").length === rows / 2 + 1);
        const next = wrapper.call("/");
        assert.equal((await wrapper.call("/-/ready")).status, 200);
        await writeFile(join(wrapper.socketPath, "../gate"), "");
        assert.deepEqual((await waiting).json(), { rows, main: true });
        assert.deepEqual((await next).json(), { rows: rows + 1, main: true });
        await rm(join(wrapper.socketPath, "../gate"));
      }
    });

    test("uses signals, asyncio's loop of the main thread and generators", async () => {
      await using wrapper = await begin();
      assert.deepEqual((await wrapper.call("/signal")).json(), { rows: 1, main: true });
      assert.equal((await wrapper.call("/loop")).text, "true");
      assert.equal((await wrapper.call("/stream")).text, "TrueTrueTrue");
      assert.deepEqual((await wrapper.call("/")).json(), { rows: 2, main: true });
    });

    test("is answered at its deadline, and then the process ends", async () => {
      await using wrapper = await begin({ FAAS_TIMEOUT_MS: "300" });
      assert.equal((await wrapper.call("/late")).json().code, "FUNCTION_TIMEOUT");
      assert.equal(await exitOf(wrapper.child), 1);
    });
  });
}

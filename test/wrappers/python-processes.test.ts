import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { start } from "./contract.ts";
import { wrappers } from "./languages.ts";

const MAIN = `
import multiprocessing, os
from concurrent.futures import ProcessPoolExecutor
import own

def facts(n):
    return [n * n, own.value, os.getpid()]

def path_of(event):
    return [event.path, event["body"], event.rawBody.decode()]

def handler(event, context):
    method = event.query["method"]
    spawning = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=spawning) as pool:
        first, second = pool.map(facts, [1, 2])
        path = pool.submit(path_of, event).result()
    with spawning.Pool(1) as pool:
        third = pool.map(facts, [3])[0]
    queue = spawning.Queue()
    child = spawning.Process(target=queue.put, args=(4,))
    child.start()
    fourth = queue.get(timeout=30)
    child.join()
    others = {second[2], third[2], child.pid}
    return [first[:2], second[:2], third[:2], fourth, path, os.getpid() not in others and len(others) == 3]
`;

describe("multiprocessing", { concurrency: true }, () => {
  for (const method of ["fork", "spawn", "forkserver"]) {
    for (const def of ["def", "async def"]) {
      test(`runs functions in other processes by ${method}, from ${def}`, async () => {
        // A file named like a module of the standard library is the user's in no process.
        const files = { "own.py": 'value = "own"', "json.py": "raise ValueError" };
        const text = MAIN.replace("def handler", `${def} handler`);
        await using wrapper = await start(wrappers.Python, text, {}, { files });
        const response = await wrapper.call(`/here?method=${method}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: "7",
        });
        assert.deepEqual(
          response.json(),
          [[1, "own"], [4, "own"], [9, "own"], 4, ["/here", 7, "7"], true],
          wrapper.output(),
        );
        assert.equal(wrapper.output(), "");
      });
    }
  }
});

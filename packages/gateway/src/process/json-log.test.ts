import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonLog } from "./json-log.ts";

test("writes lines of JSON with their level, fields and errors", () => {
  const lines: string[] = [];
  const log = jsonLog((line) => lines.push(line), "info", { gateway: "gw-1" });
  log.debug("hidden");
  log.info({ url: "http://x" }, "listening");
  log.warn("plain");
  log.error({ err: new TypeError("broken") }, "failed");
  assert.ok(lines.every((line) => line.endsWith("}\n")));
  const [first, second, third, ...rest] = lines.map((line) => JSON.parse(line));
  const { time, ...fields } = first;
  assert.ok(Math.abs(time - Date.now()) < 60_000);
  assert.deepEqual(fields, { level: 30, gateway: "gw-1", url: "http://x", msg: "listening" });
  assert.deepEqual([second.level, second.msg], [40, "plain"]);
  assert.deepEqual([third.level, third.err.type, third.err.message], [50, "TypeError", "broken"]);
  assert.match(third.err.stack, /json-log\.test/);
  assert.deepEqual(rest, []);
});

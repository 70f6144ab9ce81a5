import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { Client } from "../client/client.ts";
import { printResponse } from "./print-response.ts";

/** Prints a response with a problem, and returns what stderr gets. */
async function errorsFor(t: TestContext, code: string): Promise<string> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const io = { stdin, stdout, stderr, env: {}, cwd: ".", signal: t.signal, exitCode: 0 };
  const body = Readable.from([Buffer.from(JSON.stringify({ status: 503, title: "T", detail: "the reason", code }))]);
  const response = { statusCode: 503, headers: {}, body };
  const target = { org: "acme", endpoint: "api" };
  await printResponse({ target, response }, new Client("http://127.0.0.1:1", t.signal), {}, io);
  assert.equal(io.exitCode, 1);
  stderr.end();
  return text(stderr);
}

test("a failure of a function points to its logs, and a failure of the server does not", async (t) => {
  for (const code of ["FUNCTION_ERROR", "CODE_OF_A_FUNCTION"])
    assert.match(await errorsFor(t, code), /\nhint: run "faas logs acme\/api"/);
  for (const code of ["LOOP_DETECTED", "QUEUE_FAILED", "SERVER_STOPPING"])
    assert.doesNotMatch(await errorsFor(t, code), /faas logs/);
});

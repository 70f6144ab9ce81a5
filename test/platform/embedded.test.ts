import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EndpointStatus, SettingsInput } from "@faas/core";
import { apply, type EmbeddedUnderTest, logsOf, run, specOf, startPlatform, until } from "./embedded-under-test.ts";

describe("the embedded platform", { concurrency: 3 }, () => {
  test("reports the exit code of a function that ends its process while it loads", async () => {
    await using under = await startPlatform();
    const { failure } = await failureOf(under, "process.exit(3);");
    assert.equal(failure?.code, "REPLICA_EXITED");
    assert.match(failure?.detail ?? "", /exit code 3 before it was ready/);
  });

  test("ends a function that never stops loading", async () => {
    await using under = await startPlatform({ startTimeoutMs: 300 });
    const { failure } = await failureOf(under, "await new Promise((done) => setTimeout(done, 60_000));");
    assert.equal(failure?.code, "START_TIMEOUT");
  });

  test("ends a function that allocates without end at its memory limit", async () => {
    await using under = await startPlatform();
    const source =
      "const all = []; for (;;) { all.push(Buffer.alloc(2 ** 20, 1)); if (all.length % 8 === 0) await new Promise((done) => setTimeout(done, 1)); }";
    const { failure } = await failureOf(under, source, { memory: "128Mi" });
    assert.equal(failure?.code, "OUT_OF_MEMORY");
    assert.match(failure?.detail ?? "", /128Mi/);
  });

  test("reports last words that are read only after the exit of the process", async () => {
    await using under = await startPlatform();
    // Fills the pipe, whose content the server reads after the exit.
    const source = `import fs from "node:fs";
      fs.writeSync(2, "x".repeat(48 * 1024) + "\\nFATAL ERROR: JavaScript heap out of memory\\n");
      process.kill(process.pid, "SIGABRT");`;
    const { failure } = await failureOf(under, source);
    assert.equal(failure?.code, "OUT_OF_MEMORY", failure?.detail);
  });

  test("reports what to install for a Python function on a machine without Python", async () => {
    await using under = await startPlatform({ python: "no-such-python" });
    const { failure } = await failureOf(under, "", { runtime: "python" });
    assert.equal(failure?.code, "RUNTIME_MISSING");
    assert.match(failure?.detail ?? "", /install Python 3\.9/);
  });

  test("passes the endpoint's environment variables to replicas, and not the server's", async (t) => {
    process.env.FAAS_TEST_SECRET = "secret";
    t.after(() => delete process.env.FAAS_TEST_SECRET);
    await using under = await startPlatform();
    const source = "console.log(JSON.stringify(process.env)); export const handler = () => 1;";
    const spec = await run(under, source, { env: { MINE: "yes" } });
    const [line] = await logsOf(under, spec);
    const env = JSON.parse(line ?? "{}");
    assert.deepEqual([env.MINE, env.FAAS_ORG, env.FAAS_TEST_SECRET], ["yes", under.org, undefined]);
  });

  test("starts no processes of an endpoint that is applied again after the stop", async () => {
    await using under = await startPlatform();
    const spec = await run(under, "export const handler = () => 1;");
    await under.platform[Symbol.asyncDispose]();
    await under.platform.apply(spec);
    await assert.rejects(under.platform.scale(spec, 1), { code: "ENDPOINT_NOT_FOUND" });
  });

  test("rejects a bundle whose runtime is a Dockerfile", async () => {
    await using under = await startPlatform();
    const spec = specOf(under.org, "x", await under.artifact(""), { runtime: "dockerfile" });
    await assert.rejects(under.platform.check(spec), { code: "ARTIFACT_UNSUPPORTED" });
  });
});

async function failureOf(
  under: EmbeddedUnderTest,
  source: string,
  settings: SettingsInput = {},
): Promise<EndpointStatus> {
  const spec = await apply(under, source, settings);
  await under.platform.scale(spec, 1);
  return until(under, ({ failure }) => failure !== undefined);
}

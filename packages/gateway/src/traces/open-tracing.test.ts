import assert from "node:assert/strict";
import { registerHooks } from "node:module";
import { test } from "node:test";

/** A module of its own, whose imports are resolved again: other tests in the process may have loaded the code. */
const FRESH = "./open-tracing.ts?fresh";

test("the code for traces is loaded only where the variables of OpenTelemetry ask for it", async () => {
  const imported: string[] = [];
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      imported.push(specifier);
      return next(specifier, context);
    },
  });
  const identity = { service: "test", version: "1" };
  const log = { warn: (_: object, text: string) => assert.fail(text) };
  try {
    const { openTracing } = (await import(FRESH)) as typeof import("./open-tracing.ts");
    for (const env of [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:1", OTEL_SDK_DISABLED: "true" }])
      assert.equal(await openTracing(env, identity, log), undefined);
    assert.ok(!imported.includes("./tracing.ts"), imported.join(", "));
    await using tracing = await openTracing({ OTEL_TRACES_EXPORTER: "otlp" }, identity, log);
    assert.ok(tracing);
    assert.ok(imported.includes("./tracing.ts"), imported.join(", "));
  } finally {
    hooks.deregister();
  }
});

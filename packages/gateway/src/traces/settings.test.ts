import assert from "node:assert/strict";
import { test } from "node:test";
import { isTracingOn } from "./environment.ts";
import { readTraceSettings } from "./settings.ts";

test("traces are on when an endpoint or the exporter is named, and nothing turns them off", () => {
  const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
  assert.equal(isTracingOn({}), false);
  assert.equal(isTracingOn(ENDPOINT), true);
  assert.equal(isTracingOn({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://collector/v1/traces" }), true);
  assert.equal(isTracingOn({ OTEL_TRACES_EXPORTER: "otlp" }), true);
  assert.equal(isTracingOn({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "none" }), false);
  assert.equal(isTracingOn({ ...ENDPOINT, OTEL_SDK_DISABLED: "TRUE" }), false);
  assert.equal(isTracingOn({ OTEL_EXPORTER_OTLP_ENDPOINT: " " }), false);
});

test("the address of traces is used as it is, and the common one gets their path", () => {
  const urlOf = (env: Record<string, string>) => readTraceSettings(env).url;
  assert.equal(urlOf({}), "http://localhost:4318/v1/traces");
  assert.equal(urlOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:1/base/" }), "http://a:1/base/v1/traces");
  assert.equal(
    urlOf({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://a:1", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://b:2/spans" }),
    "http://b:2/spans",
  );
});

test("variables of traces win over common ones, and values are decoded", () => {
  const { headers, resource, timeoutMs, gzip } = readTraceSettings({
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=common",
    OTEL_EXPORTER_OTLP_TRACES_HEADERS: "authorization=Basic%20YTpi , x-b=2",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,broken",
    OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "500",
    OTEL_EXPORTER_OTLP_TIMEOUT: "1000",
    OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
  });
  assert.deepEqual(headers, { authorization: "Basic YTpi", "x-b": "2" });
  assert.deepEqual(resource, { "deployment.environment.name": "test" });
  assert.deepEqual([timeoutMs, gzip], [500, true]);
});

test("a value that is not allowed is a problem, and its default counts", () => {
  const { sampler, ratio, batch, problems } = readTraceSettings({
    OTEL_TRACES_SAMPLER: "sometimes",
    OTEL_TRACES_SAMPLER_ARG: "2",
    OTEL_BSP_MAX_QUEUE_SIZE: "many",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
  });
  assert.deepEqual([sampler, ratio, batch.maxQueue], ["parentbased_always_on", 1, 2048]);
  assert.equal(problems.length, 4);
});

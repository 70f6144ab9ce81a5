import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "@faas/testing";
import type { Span } from "../span.ts";
import { type SendResult, SpanExporter } from "./exporter.ts";

const SPAN: Span = { traceId: "1".repeat(32), spanId: "2".repeat(16), name: "x", kind: 1, beganMs: 1, endedMs: 2 };

/** Creates an exporter whose batches are collected. */
function collecting(result: (attempt: number) => SendResult, batch = { delayMs: 5, maxQueue: 10, maxBatch: 4 }) {
  const batches: number[] = [];
  const warnings: object[] = [];
  const exporter = new SpanExporter({
    batch,
    async send(body) {
      batches.push(JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.length);
      return result(batches.length);
    },
    resource: { "service.name": "test" },
    version: "1",
    log: { warn: (fields) => warnings.push(fields) },
  });
  return { exporter, batches, warnings };
}

test("spans are sent together, when there are enough or some time has passed", async () => {
  const { exporter, batches } = collecting(() => ({}));
  for (let i = 0; i < 6; i++) exporter.add(SPAN);
  await eventually("all spans are sent", () => batches.length === 2);
  assert.deepEqual(batches, [4, 2]);
  exporter.add(SPAN);
  await eventually("the last span is sent", () => batches.length === 3);
  await exporter[Symbol.asyncDispose]();
});

test("the last spans are sent at the end", async () => {
  const { exporter, batches } = collecting(() => ({}), { delayMs: 60_000, maxQueue: 10, maxBatch: 4 });
  exporter.add(SPAN);
  await exporter[Symbol.asyncDispose]();
  assert.deepEqual(batches, [1]);
});

test("a batch is sent again when the endpoint asks for it", async () => {
  const { exporter, batches, warnings } = collecting((attempt) =>
    attempt === 1 ? { problem: "busy", retryMs: 1 } : {},
  );
  exporter.add(SPAN);
  await eventually("the batch is sent again", () => batches.length === 2);
  await exporter[Symbol.asyncDispose]();
  assert.deepEqual([batches, warnings], [[1, 1], []]);
});

test("spans that cannot be sent are dropped, and that is logged once", async () => {
  const { exporter, batches, warnings } = collecting(() => ({ problem: "no" }), {
    delayMs: 1,
    maxQueue: 2,
    maxBatch: 2,
  });
  for (let i = 0; i < 5; i++) exporter.add(SPAN);
  await eventually("a batch is sent", () => batches.length > 0);
  await exporter[Symbol.asyncDispose]();
  assert.equal(warnings.length, 1);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Source } from "@faas/core";
import { checkSourcesAllowed } from "./source-policy.ts";

const check = (source: Source, patterns?: readonly string[], stream: string | undefined = "FAAS_QUEUE") =>
  checkSourcesAllowed({ org: "acme" }, { sources: [source] }, patterns, stream);

for (const [name, source, patterns] of [
  ["its own subjects", { subject: "acme.a.>" }, undefined],
  ["a stream, of which it gets its own subjects", { stream: "SHARED" }, undefined],
  ["a part of what is listed", { subject: "orders.eu.*" }, ["audit.*", "orders.>"]],
] as const)
  test(`an organization may have ${name}`, () => assert.doesNotThrow(() => check(source, patterns)));

for (const [name, source, patterns] of [
  ["subjects of another organization", { subject: "globex.a" }, undefined],
  ["those of another one in a stream", { stream: "SHARED", subject: "globex.>" }, undefined],
  ["an organization whose name begins as its own", { subject: "acme-2.a" }, undefined],
  ["more than is listed", { subject: "orders.>" }, ["orders.*"]],
  ["the queue", { stream: "FAAS_QUEUE" }, [">"]],
  ["subjects of the queue", { subject: "faas-queue.>" }, [">"]],
  ["the API of NATS", { subject: "$JS.API.>" }, ["$JS.>"]],
  ["everything", { subject: ">" }, [">"]],
] as const)
  test(`an organization may not have ${name}`, () =>
    assert.throws(() => check(source, patterns), { code: "SUBJECT_NOT_ALLOWED" }));

test("a rejected subject is named with the command that allows it beside the others", () =>
  assert.throws(() => check({ subject: "orders.*" }, ["audit.>"]), {
    message: /acme\.>, audit\.>\. .*faas org limit acme --nats-subjects 'audit\.>,orders\.\*'$/,
  }));

test("a server without NATS takes no source", () =>
  assert.throws(() => checkSourcesAllowed({ org: "acme" }, { sources: [{ subject: "acme.a" }] }, [], undefined), {
    code: "SOURCE_UNSUPPORTED",
    message: /--queue nats:\/\/HOST:PORT/,
  }));

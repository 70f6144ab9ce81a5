import assert from "node:assert/strict";
import { test } from "node:test";
import { parseQueueUrl, withoutLogin } from "./queue-url.ts";

test("a URL names servers, a login, and settings of the stream", () => {
  assert.deepEqual(parseQueueUrl("nats://host"), { servers: ["host:4222"], tls: false, stream: "FAAS_QUEUE" });
  assert.deepEqual(parseQueueUrl("tls://a:p%40ss@one:1,[::1],two:3/?stream=calls&replicas=3"), {
    servers: ["one:1", "[::1]:4222", "two:3"],
    tls: true,
    user: "a",
    secret: "p@ss",
    stream: "calls",
    replicas: 3,
  });
  assert.equal(parseQueueUrl("nats://token@host").secret, "token");
});

test("an invalid URL is reported with what was expected, and without its login", () => {
  for (const [url, expected] of [
    ["http://u:secret@host", /nats:\/\/HOST:PORT.*"http:\/\/host"/],
    ["nats://", /nats:\/\/HOST:PORT/],
    ["nats://host:70000", /nats:\/\/HOST:PORT/],
    ["nats://u:secret@a b", /nats:\/\/HOST:PORT/],
    ["nats://u:%secret@host", /%XX/],
    ["nats://host?strem=a", /stream and replicas.*"strem"/],
    ["nats://host?stream=a.b", /letters.*"a.b"/],
    ["nats://host?replicas=6", /1 to 5.*"6"/],
  ] as const)
    assert.throws(
      () => parseQueueUrl(url),
      ({ code, message }: { code: string; message: string }) =>
        code === "USAGE" && expected.test(message) && !message.includes("secret"),
      url,
    );
});

test("messages show a URL without its login", () => {
  assert.equal(withoutLogin("nats://u:p@host:1?stream=a"), "nats://host:1?stream=a");
});

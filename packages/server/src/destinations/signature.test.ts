import assert from "node:assert/strict";
import { test } from "node:test";
import { Webhook } from "standardwebhooks";
import { newSigningKey, signatureHeaders } from "./signature.ts";

const body = Buffer.from('{"a":"ü"}');
const [first, second] = [newSigningKey(), newSigningKey()] as const;

test("a signature is the one of the specification", () => {
  const key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const headers = signatureHeaders(
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    Buffer.from('{"test": 2432232314}'),
    [key],
    1_614_265_330_999,
  );
  assert.deepEqual(headers, {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  });
});

test("a receiver with a library of the specification accepts a signature, by each of the keys", () => {
  const headers = signatureHeaders("id", body, [first, second], Date.now());
  for (const key of [first, second]) assert.deepEqual(new Webhook(key).verify(body, headers), { a: "ü" });
});

test("such a receiver rejects another key, body, id and time", () => {
  const headers = signatureHeaders("id", body, [first], Date.now());
  assert.throws(() => new Webhook(second).verify(body, headers));
  const receiver = new Webhook(first);
  assert.throws(() => receiver.verify(`${body} `, headers));
  assert.throws(() => receiver.verify(body, { ...headers, "webhook-id": "other" }));
  assert.throws(() => receiver.verify(body, signatureHeaders("id", body, [first], Date.now() - 3_600_000)));
});

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { RegistryHook, readHookToken } from "./registry-hook.ts";
import type { RegistryPush } from "./registry-push.ts";

const token = "0123456789abcdef0123456789abcdef";
const body = Buffer.from(
  JSON.stringify({ events: [{ action: "push", target: { repository: "acme/hello", tag: "main" } }] }),
);
const signatureOf = (key: string, bytes = body) => `sha256=${createHmac("sha256", key).update(bytes).digest("hex")}`;

function receiver(configured: string | undefined = token) {
  const notified: RegistryPush[] = [];
  let bodies = 0;
  const hook = new RegistryHook(configured, { notified: (pushes) => notified.push(...pushes) });
  const receive = (headers: IncomingHttpHeaders, bytes = body) =>
    hook.receive(headers, "192.0.2.1", async () => {
      bodies++;
      return bytes;
    });
  return { notified, receive, bodies: () => bodies };
}

test("a notification with the token, or signed with it, is accepted", async () => {
  const accepted: IncomingHttpHeaders[] = [
    { authorization: `Bearer ${token}` },
    { authorization: token },
    { "x-gitlab-token": token },
    { "x-hub-signature-256": signatureOf(token) },
  ];
  for (const headers of accepted) {
    const { notified, receive } = receiver();
    assert.equal(await receive(headers), 1);
    assert.deepEqual(notified, [{ repository: "acme/hello", tag: "main" }]);
  }
});

test("another sender is rejected, and without a signature its body is not read", async () => {
  const rejected: IncomingHttpHeaders[] = [
    {},
    { authorization: `Bearer ${token}0` },
    { authorization: "Bearer " },
    { "x-gitlab-token": "" },
    { "x-hub-signature-256": signatureOf("another") },
    { "x-hub-signature-256": "" },
    // A wrong signature is not made good by a token.
    { "x-hub-signature-256": signatureOf(token, Buffer.from("{}")), authorization: `Bearer ${token}` },
  ];
  for (const headers of rejected) {
    const { notified, receive, bodies } = receiver();
    await assert.rejects(receive(headers), { code: "HOOK_SIGNATURE_INVALID" }, JSON.stringify(headers));
    assert.deepEqual(notified, []);
    assert.equal(bodies(), headers["x-hub-signature-256"] === undefined ? 0 : 1);
  }
});

test("many notifications without the token are limited", async () => {
  const { receive } = receiver();
  for (let count = 0; count < 20; count++) await assert.rejects(receive({}), { code: "HOOK_SIGNATURE_INVALID" });
  await assert.rejects(receive({}), { code: "HOOK_LIMITED", status: 429 });
});

test("without a configured token there is no hook", async () => {
  const hook = new RegistryHook(undefined, { notified: () => 1 });
  await assert.rejects(
    hook.receive({ authorization: "Bearer undefined" }, "192.0.2.1", async () => body),
    { code: "HOOK_NOT_FOUND" },
  );
});

test("other bodies are rejected", async () => {
  const { receive } = receiver();
  const headers = { authorization: `Bearer ${token}` };
  await assert.rejects(receive(headers, Buffer.from("{")), { code: "MALFORMED_JSON" });
  await assert.rejects(receive(headers, Buffer.from("{}")), { code: "INVALID_REQUEST" });
});

test("the token is read from a file, and a short one is rejected", async () => {
  const file = join(tempDir("token"), "token");
  writeFileSync(file, `${token}\n`);
  assert.equal(await readHookToken(file), token);
  assert.equal(await readHookToken(undefined), undefined);
  writeFileSync(file, "short");
  await assert.rejects(readHookToken(file), /USAGE|at least 16 characters/);
  await assert.rejects(readHookToken(`${file}.missing`), { code: "USAGE" });
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { createCertificate, eventually, noOpenssl, tempDir } from "@faas/testing";
import { runHere, startHere } from "../../packages/cli/src/testing/test-cli.ts";

const skip = noOpenssl() ?? false;

test("the server chooses among its certificates by the name that a client asks for, and reloads each", {
  skip,
}, async (t) => {
  const folder = tempDir("tls");
  const first = createCertificate(folder, "first");
  const wildcard = createCertificate(folder, "wildcard", "DNS:*.acme.example");
  const exact = createCertificate(folder, "exact", "DNS:shop.acme.example");
  const pairs = [first, wildcard, exact].flatMap(({ cert, key }) => ["--tls-cert", cert, "--tls-key", key]);
  const data = ["--port", "0", "--data", join(folder, "data"), "--log-level", "silent"];
  const up = startHere(t, ["up", ...data, ...pairs], { cwd: folder });
  const [url] = await up.printed(/^https:\S+(?=\n)/m);
  const subjectFor = async (servername: string) => {
    const { port } = new URL(url);
    const socket = connect({ port: Number(port), host: "127.0.0.1", servername, rejectUnauthorized: false });
    await once(socket, "secureConnect");
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return CN;
  };
  for (const [name, subject] of [
    ["", "first"],
    ["localhost", "first"],
    ["other.example", "first"],
    ["www.acme.example", "wildcard"],
    ["WWW.acme.example", "wildcard"],
    ["a.b.acme.example", "first"],
    ["shop.acme.example", "exact"],
  ] as const)
    assert.equal(await subjectFor(name), subject, name);

  const renewed = createCertificate(folder, "renewed", "DNS:shop.acme.example,DNS:new.example");
  await copyFile(renewed.cert, exact.cert);
  await copyFile(renewed.key, exact.key);
  await eventually("the renewed certificate is used", async () => (await subjectFor("new.example")) === "renewed");
  assert.equal(await subjectFor("shop.acme.example"), "renewed");
  assert.equal(await subjectFor("other.example"), "first");
});

test("each certificate needs a key", async (t) => {
  const { code, stderr } = await runHere(t, ["up", "--tls-cert", "a", "--tls-cert", "b", "--tls-key", "c"], {
    cwd: tempDir("tls"),
  });
  assert.equal(code, 2);
  assert.match(stderr, /Expected a --tls-key for each --tls-cert, got 2 certificates and 1 key/);
});

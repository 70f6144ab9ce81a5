import assert from "node:assert/strict";
import { test } from "node:test";
import { createCertificate, FaasProcess, freePort, NatsServer, noOpenssl, tempDir } from "@faas/testing";
import { interruptedCall } from "../end-to-end/interrupted-call.ts";

test("calls are delivered from a NATS server after kill -9 of the server, which runs without NATS files in its folder", async () => {
  await using nats = await NatsServer.start();
  await using faas = new FaasProcess({ env: { FAAS_QUEUE: nats.url } });
  const { code, stdout } = await interruptedCall(faas);
  assert.deepEqual([code, stdout], [0, '{"body":"important"}']);
});

test("a server whose NATS server is down stays ready, serves calls, and accepts asynchronous ones afterwards", async () => {
  await using nats = await NatsServer.start();
  await using faas = new FaasProcess();
  const { url } = await faas.up({ args: ["--isolation", "off", "--queue", nats.url] });
  await faas.deploy("echo", { "index.mjs": "export const handler = ({ body }) => ({ body });" });
  await nats.kill();
  assert.equal((await fetch(`${url}/-/readyz`)).status, 200);
  assert.equal(await faas.succeed(["invoke", "acme/echo", "-d", "now"]), '{"body":"now"}');
  const { code, stderr } = await faas.run(["invoke", "acme/echo", "--async", "-d", "later"]);
  assert.equal(code, 1);
  assert.match(stderr, /QUEUE_FAILED/);
  await nats.start();
  assert.equal(await faas.succeed(["invoke", "acme/echo", "--async", "--wait", "-d", "later"]), '{"body":"later"}');
});

test("a server does not start without its NATS server, and names it without the password", async () => {
  await using faas = new FaasProcess();
  const address = `127.0.0.1:${await freePort()}`;
  const { code, stderr } = await faas.run(["up", "--port", "0", "--queue", `nats://user:secret@${address}`]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`nats://${address} does not accept the connection`));
  assert.match(stderr, /QUEUE_UNAVAILABLE/);
  assert.doesNotMatch(stderr, /secret/);
});

test("tls:// and a login reach a NATS server that requires both", { skip: noOpenssl() }, async () => {
  const { cert, key } = createCertificate(tempDir("nats-tls"), "localhost");
  const tls = `tls { cert_file: ${JSON.stringify(cert)}, key_file: ${JSON.stringify(key)} }`;
  await using nats = await NatsServer.start({ config: `${tls}\nauthorization { user: u, password: secret }\n` });
  const queue = nats.url.replace("nats://127.0.0.1", "tls://u:secret@localhost");
  await using faas = new FaasProcess({ env: { FAAS_QUEUE: queue, NODE_EXTRA_CA_CERTS: cert } });
  await faas.up({ args: ["--isolation", "off"] });
  await faas.deploy("echo", { "index.mjs": "export const handler = ({ body }) => ({ body });" });
  assert.equal(await faas.succeed(["invoke", "acme/echo", "--async", "--wait", "-d", "x"]), '{"body":"x"}');
});

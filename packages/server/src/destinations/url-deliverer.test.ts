import assert from "node:assert/strict";
import type { LookupAddress } from "node:dns";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { after, describe, test } from "node:test";
import { setDefaultCACertificates } from "node:tls";
import type { Problem } from "@faas/core";
import { createCertificate, noOpenssl, tempDir } from "@faas/testing";
import { Webhook } from "standardwebhooks";
import { internalCall } from "../async-calls/internal-call.ts";
import { startReceiver } from "../testing/webhook-receiver.ts";
import { newSigningKey } from "./signature.ts";
import { type UrlDelivererOptions, urlDeliverer } from "./url-deliverer.ts";

const key = newSigningKey();

interface Setup extends Partial<UrlDelivererOptions> {
  readonly url: string;
  readonly allowed?: readonly string[];
  readonly signal?: AbortSignal;
}

/** Delivers a call to a URL once. */
async function deliver({ url, allowed = [], signal = new AbortController().signal, ...options }: Setup) {
  const { request } = internalCall({
    ...{ org: "acme", endpoint: "jobs", requestId: "r" },
    headers: { "Content-Type": "application/json", "X-Faas-Depth": "3" },
  });
  const deliverer = urlDeliverer({
    ...{ allowedOf: () => allowed, keysOf: async () => [key], timeoutOf: () => 10_000 },
    ...options,
  });
  const delivery = {
    request: { ...request, destination: { org: "acme", endpoint: "jobs", url } },
    body: Buffer.from('{"a":1}'),
    requestId: "CALL.2",
    lines: "X-Faas-Call-Id: CALL\r\nX-Faas-Attempt: 2\r\n",
    maxResponseBytes: 6 * 2 ** 20,
  };
  return deliverer(delivery, signal);
}

async function problemOf(setup: Setup): Promise<Problem> {
  const { from, body } = await deliver(setup);
  assert.equal(from, "gateway");
  return JSON.parse(body.toString());
}

const resolvedTo =
  (...addresses: readonly string[]) =>
  async (): Promise<LookupAddress[]> =>
    addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));

describe("a call to a URL", () => {
  test("arrives with its body, the headers of a call, and a valid signature", async () => {
    const { received, port } = await startReceiver();
    const url = `http://127.0.0.1:${port}/a?b=c`;
    const response = await deliver({ url, allowed: [`http://127.0.0.1:${port}`] });
    assert.deepEqual([response.status, response.from, response.body.toString()], [200, "function", "thanks"]);
    const [{ method, url: path, headers, body } = assert.fail("received nothing")] = received;
    assert.deepEqual([method, path, body], ["POST", "/a?b=c", '{"a":1}']);
    const { "x-faas-depth": depth, "x-faas-attempt": attempt, "content-type": type, host } = headers;
    assert.deepEqual([depth, attempt, type, host], ["3", "2", "application/json", `127.0.0.1:${port}`]);
    assert.equal(headers["webhook-id"], "CALL");
    new Webhook(key).verify(body, headers as Record<string, string>);
  });

  test("goes to an address that was checked, whatever the name has at that moment", async () => {
    const { received, port } = await startReceiver();
    const url = `http://hooks.internal:${port}/`;
    const resolve = resolvedTo("127.0.0.1");
    assert.equal((await deliver({ url, allowed: [`private:${url.slice(0, -1)}`], resolve })).status, 200);
    assert.equal(received[0]?.headers.host, `hooks.internal:${port}`);
  });

  test("resolves its host once", async () => {
    const { port } = await startReceiver();
    let lookups = 0;
    const resolve = async () => {
      lookups++;
      return resolvedTo("127.0.0.1")();
    };
    await deliver({
      url: `http://hooks.internal:${port}`,
      allowed: [`private:http://hooks.internal:${port}`],
      resolve,
    });
    assert.equal(lookups, 1);
  });

  for (const addresses of [["127.0.0.1"], ["10.1.2.3"], ["8.8.8.8", "192.168.0.1"], ["::1"], ["::ffff:127.0.0.1"]])
    test(`is not sent to a host with the addresses ${addresses.join(" and ")}`, async () => {
      const { received, port } = await startReceiver();
      const url = `http://hooks.example.com:${port}/`;
      const setup = { url, allowed: [`http://hooks.example.com:${port}`], resolve: resolvedTo(...addresses) };
      const { code, detail } = await problemOf(setup);
      assert.equal(code, "DESTINATION_NOT_ALLOWED");
      assert.ok(detail.includes(addresses.at(-1) ?? ""), detail);
      assert.equal(received.length, 0);
    });

  test("is never sent to a metadata service, even where private addresses are allowed", async () => {
    const resolve = resolvedTo("169.254.169.254");
    const setup = { url: "http://metadata.internal/", allowed: ["private:http://metadata.internal"], resolve };
    assert.equal((await problemOf(setup)).code, "DESTINATION_NOT_ALLOWED");
    const literal = { url: "http://169.254.169.254/", allowed: ["http://169.254.169.254"] };
    assert.equal((await problemOf(literal)).code, "DESTINATION_NOT_ALLOWED");
  });

  for (const host of ["127.1", "0x7f000001", "2130706433", "[::ffff:7f00:1]"])
    test(`is not sent to this machine as ${host}, for which an entry of the list is missing`, async () => {
      const { received, port } = await startReceiver();
      const { code } = await problemOf({ url: `http://${host}:${port}/`, allowed: ["hooks.example.com"] });
      assert.equal(code, "DESTINATION_NOT_ALLOWED");
      assert.equal(received.length, 0);
    });

  test("does not follow a redirect", async () => {
    const target = await startReceiver();
    const { port } = await startReceiver((_, response) => {
      response.writeHead(307, { Location: `http://127.0.0.1:${target.port}/` }).end();
    });
    const allowed = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${target.port}`];
    assert.equal((await deliver({ url: `http://127.0.0.1:${port}/`, allowed })).status, 307);
    assert.equal(target.received.length, 0);
  });

  test("fails where nobody listens, and where a name does not exist", async () => {
    const { code, detail } = await problemOf({ url: "http://127.0.0.1:1/", allowed: ["http://127.0.0.1:1"] });
    assert.equal(code, "DESTINATION_FAILED");
    assert.match(detail, /ECONNREFUSED/);
    const resolve = () => Promise.reject(Object.assign(new Error("no"), { code: "ENOTFOUND" }));
    const unknown = await problemOf({ url: "https://a.example/", allowed: ["a.example"], resolve });
    assert.match(unknown.detail, /could not be resolved: ENOTFOUND/);
  });

  test("fails when the response takes longer than the endpoint's timeout", async () => {
    const { port } = await startReceiver((_, response) => void response.write("x"));
    const setup = { url: `http://127.0.0.1:${port}/`, allowed: [`http://127.0.0.1:${port}`], timeoutOf: () => 50 };
    const { code, detail } = await problemOf(setup);
    assert.equal(code, "DESTINATION_FAILED");
    assert.match(detail, /no complete response within 50 ms/);
  });

  test("reads no more of a response than it keeps", async () => {
    const { port } = await startReceiver((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        response.once("drain", more);
      };
      more();
    });
    const { status, body, bytes } = await deliver({
      url: `http://127.0.0.1:${port}/`,
      allowed: [`http://127.0.0.1:${port}`],
    });
    assert.equal(status, 200);
    assert.equal(body.length, 65_536);
    assert.ok(bytes > body.length);
  });

  test("by HTTPS needs a valid certificate for the host of the URL, whatever its address", {
    skip: noOpenssl(),
  }, async () => {
    const folder = tempDir("tls");
    const { cert, key: certKey } = createCertificate(folder, "hooks", "DNS:hooks.internal");
    const files = { cert: readFileSync(cert), key: readFileSync(certKey) };
    const names: unknown[] = [];
    const server = createSecureServer(files, (_, response) => response.end("safe")).listen(0, "127.0.0.1");
    server.on("secureConnection", ({ servername }) => names.push(servername));
    await once(server, "listening");
    after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const setup = (host: string) => ({
      ...{ url: `https://${host}:${port}/`, allowed: [`private:${host}:${port}`] },
      resolve: resolvedTo("127.0.0.1"),
    });
    const { code, detail } = await problemOf(setup("hooks.internal"));
    assert.deepEqual([code, names], ["DESTINATION_FAILED", []]);
    assert.match(detail, /self-signed certificate/);
    setDefaultCACertificates([files.cert.toString()]);
    assert.equal((await deliver(setup("hooks.internal"))).body.toString(), "safe");
    assert.deepEqual(names, ["hooks.internal"]);
    assert.match((await problemOf(setup("other.internal"))).detail, /does not match certificate/);
  });

  test("has a response without the headers of its connection", async () => {
    const { port } = await startReceiver((_, response) => {
      response.writeHead(200, { "X-Mine": "1", "Keep-Alive": "timeout=5" }).write("a");
      response.end("b");
    });
    const url = `http://localhost:${port}/`;
    const { headers, body } = await deliver({ url, allowed: [`private:http://localhost:${port}`] });
    assert.equal(body.toString(), "ab");
    assert.deepEqual(
      headers.map(([name]) => name.toLowerCase()),
      ["x-mine", "date"],
    );
  });

  test("that is aborted is neither delivered nor failed", async () => {
    const { port } = await startReceiver(() => stopping.abort());
    const stopping = new AbortController();
    const setup = { url: `http://127.0.0.1:${port}/`, allowed: [`http://127.0.0.1:${port}`], signal: stopping.signal };
    const { status, from } = await deliver(setup);
    assert.deepEqual([status, from], [499, "gateway"]);
  });
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { stat, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { CLIENT_ADDRESS_HEADER, GATEWAY_TOKEN_HEADER, HttpLinkTransport, type LinkConnection } from "@faas/gateway";
import { tempDir } from "@faas/testing";
import { clientAddress } from "../audit/client-address.ts";
import { type ControlAddress, ControlListener } from "./listener.ts";
import { controlAddress } from "./start-gateways.ts";

/** Starts a listener that answers each link with "hello", and each request with the address of its client. */
async function startListener(address: ControlAddress) {
  const links: LinkConnection[] = [];
  const listener = new ControlListener({
    address,
    app: (incoming, response) =>
      void response.end(`${clientAddress(incoming)} ${incoming.headers[GATEWAY_TOKEN_HEADER]}`),
    accept: (connection) => {
      links.push(connection);
      return { onText: (received) => connection.send(`got ${received}`), onClose() {} };
    },
    openCalls: (socket) => socket.destroy(),
  });
  const port = await listener.listen();
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const link of links) link.close();
      await listener[Symbol.asyncDispose]();
    },
  };
}

/** Opens a link, sends a text, and resolves with the answer. */
const exchange = (transport: HttpLinkTransport) =>
  new Promise<string>((resolve, reject) => {
    transport.connect((connection) => {
      connection.send("text\n");
      return { onText: resolve, onClose: (error) => reject(error ?? new Error("closed")) };
    }, reject);
  });

async function tokenFile(token: string): Promise<string> {
  const path = join(tempDir("token"), "token");
  await writeFile(path, `${token}\n`);
  return path;
}

test("a link over a port needs the token", async () => {
  await using listener = await startListener({ host: "127.0.0.1", port: 0, token: "secret" });
  const address = { host: "127.0.0.1", port: listener.port };
  const link = async (token: string) => exchange(new HttpLinkTransport({ address, tokenFile: await tokenFile(token) }));
  assert.equal(await link("secret"), "got text\n");
  await assert.rejects(link("guess"), /401/);
  await assert.rejects(exchange(new HttpLinkTransport({ address })), /401/);
});

test("a server whose gateways would need no token does not start", async () => {
  const options = { listen: { host: "127.0.0.1", port: 0, tokenFile: await tokenFile("") } };
  await assert.rejects(controlAddress(options, "/data"), { code: "USAGE" });
});

test("a link over a Unix socket needs no token, but its user", async () => {
  const path = join(tempDir("listener"), "control.sock");
  await using _ = await startListener({ path });
  assert.equal(await exchange(new HttpLinkTransport({ address: { socketPath: path } })), "got text\n");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("an unreachable control server, or a missing token file, is reported and not thrown", async () => {
  const address = { socketPath: join(tempDir("listener"), "none.sock") };
  await assert.rejects(exchange(new HttpLinkTransport({ address })), { code: "ENOENT" });
  await assert.rejects(exchange(new HttpLinkTransport({ address, tokenFile: "/none" })), { code: "ENOENT" });
});

test("the address of a client that a gateway names is believed together with the token, which the control API does not get", async () => {
  await using listener = await startListener({ host: "127.0.0.1", port: 0, token: "secret" });
  const send = async (token: string) => {
    const headers = { [CLIENT_ADDRESS_HEADER]: "8.8.8.8", [GATEWAY_TOKEN_HEADER]: token };
    const call = request({ port: listener.port, host: "127.0.0.1", path: "/-/orgs", headers, agent: false }).end();
    const [response] = await once(call, "response");
    return text(response);
  };
  assert.equal(await send("secret"), "8.8.8.8 undefined");
  assert.equal(await send("guess"), "127.0.0.1 undefined");
});

test("an upgrade to another protocol, or elsewhere, is not a link", async () => {
  const path = join(tempDir("listener"), "control.sock");
  await using _ = await startListener({ path });
  const upgrade = async (target: string, protocol: string) => {
    const headers = { Connection: "Upgrade", Upgrade: protocol };
    const call = request({ socketPath: path, path: target, headers, agent: false }).end();
    const [response] = await once(call, "response");
    response.resume();
    return response.statusCode;
  };
  assert.equal(await upgrade("/-/gateways/link", "websocket"), 426);
  assert.equal(await upgrade("/-/orgs", "faas-gateway"), 200);
});

test("a server that is not a control server is reported as such", async (t) => {
  const server = createServer((_, response) => response.writeHead(404).end()).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const transport = new HttpLinkTransport({ address: { host: "127.0.0.1", port } });
  const outcome = await new Promise((resolve) =>
    transport.connect(
      () => assert.fail("it is linked"),
      ({ message }) => resolve(message),
    ),
  );
  assert.match(String(outcome), /404 in place of a link/);
});

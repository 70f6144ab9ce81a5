import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { HttpLinkTransport } from "@faas/gateway";
import { tempDir } from "@faas/testing";
import { ControlListener } from "./listener.ts";

const TOKEN = "a-token_that-is-not-a-key";

/** Starts a listener on a port, and returns how an attempt to link with a token ends. */
async function startListener() {
  let links = 0;
  const listener = new ControlListener({
    address: { host: "127.0.0.1", port: 0, token: TOKEN },
    app: (_, response) => response.end(),
    accept(connection) {
      links++;
      return { onText: () => connection.close(), onClose() {} };
    },
  });
  const port = await listener.listen();
  const tokenFile = join(tempDir("token"), "token");
  const link = async (token: string) => {
    await writeFile(tokenFile, token);
    const transport = new HttpLinkTransport({ address: { host: "127.0.0.1", port }, tokenFile });
    return new Promise<string>((resolve) => {
      transport.connect(
        (connection) => {
          setImmediate(() => {
            connection.close();
            resolve("open");
          });
          return { onText() {}, onClose() {} };
        },
        ({ message }) => resolve(message),
      );
    });
  };
  return { link, links: () => links, [Symbol.asyncDispose]: () => listener[Symbol.asyncDispose]() };
}

test("a gateway on another machine is linked with the token, and with no other one", async () => {
  await using listener = await startListener();
  assert.equal(await listener.link(`${TOKEN}\n`), "open");
  for (const token of ["another", "", `${TOKEN}x`]) assert.match(await listener.link(token), /responded with 401/);
  assert.equal(listener.links(), 1);
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

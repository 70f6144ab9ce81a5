import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { type TestContext, test } from "node:test";
import type { ServerStatus } from "@faas/core";
import { runHere } from "../testing/test-cli.ts";

/** Runs `faas status` for a server in this state; returns the lines of the output. */
async function statusOf(t: TestContext, status: ServerStatus): Promise<readonly string[]> {
  const server = createServer((request, response) => {
    assert.equal(request.url, "/-/status");
    response.setHeader("content-type", "application/json").end(JSON.stringify(status));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const { code, stdout, stderr } = await runHere(t, ["status", "--server", `http://127.0.0.1:${port}`], {
    cwd: tmpdir(),
  });
  assert.equal(code, 0, stderr);
  return stdout.trimEnd().split("\n");
}

test("status shows each gateway with its version, and how old its view is", async (t) => {
  const gateway = {
    name: "a",
    version: "0.1.0",
    pid: 7,
    state: "linked",
    viewAgeMs: 0,
    inFlight: 3,
    waiting: 0,
  } as const;
  const lines = await statusOf(t, {
    ...{ version: "0.2.0", platform: "kubernetes", upSeconds: 93_784 },
    gateways: [gateway, { ...gateway, name: "bcd", version: "0.2.0", state: "lost", viewAgeMs: 12_340, waiting: 1 }],
  });
  assert.deepEqual(lines.slice(1), [
    "version   0.2.0",
    "platform  kubernetes",
    "up        1 d 2 h",
    "gateways  2",
    "",
    "GATEWAY  VERSION  STATE   VIEW        IN FLIGHT  WAITING",
    "a        0.1.0    linked  current     3          0",
    "bcd      0.2.0    lost    12.3 s old  3          1",
  ]);
});

test("status says that the server itself is the gateway", async (t) => {
  const lines = await statusOf(t, { version: "0.1.0", platform: "embedded", upSeconds: 59, gateways: [] });
  assert.deepEqual(lines.slice(3), ["up        59 s", "gateways  in the server's process"]);
});

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { eventually, FaasProcess, NatsServer, runProgram } from "@faas/testing";
import { root } from "../repository/source-files.ts";

test("messages of a stream are called once each over a takeover, and a server without NATS shows why it gets none", async () => {
  await using nats = await NatsServer.start();
  const client = async (...args: string[]) => {
    const program = join(root, "packages/server/src/testing/nats-client.ts");
    const { code, output } = await runProgram(process.execPath, [program, ...args], {
      cwd: root,
      env: { ...process.env, NATS_URL: nats.url },
    });
    assert.equal(code, 0, output);
  };
  await client("stream", "add", "ORDERS", "--subjects", "acme.orders");
  await using faas = new FaasProcess();
  const args = ["--isolation", "off", "--queue", nats.url];
  const first = await faas.up({ args });
  const port = new URL(first.url).port;
  const code = { "index.mjs": "export const handler = ({ body }) => body;" };
  await faas.deploy("orders", code, "--source", "stream=ORDERS");
  const described = (text: RegExp) =>
    eventually(`the state ${text}`, async () => text.test(await faas.succeed(["describe", "acme/orders"])));
  await described(/stream=ORDERS \(active\)/);
  const publish = async () => {
    for (let i = 0; i < 4; i++) await client("pub", "acme.orders", String(i));
  };
  const [successor] = await Promise.all([faas.up({ args: [...args, "--port", port, "--takeover"] }), publish()]);
  const listed = async () => JSON.parse(await faas.succeed(["calls", "acme", "--output", "json"]));
  const { totals } = await eventually("all calls", async () => {
    const list = await listed();
    return list.totals.completed >= 4 && list;
  });
  assert.deepEqual([totals.completed, totals.waiting, totals.failed], [4, 0, 0]);
  await faas.kill(successor);
  await faas.up({ args: ["--isolation", "off"] });
  await described(/stream=ORDERS \(inactive: Expected a server whose queue is on NATS/);
});

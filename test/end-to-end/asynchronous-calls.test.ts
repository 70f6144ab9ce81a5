import assert from "node:assert/strict";
import { test } from "node:test";
import { FaasProcess } from "@faas/testing";
import { interruptedCall } from "./interrupted-call.ts";

test("invoke --async --wait gets its response after kill -9 of the server during the delivery", async () => {
  await using faas = new FaasProcess();
  const { code, stdout, stderr } = await interruptedCall(faas);
  assert.deepEqual([code, stdout, stderr], [0, '{"body":"important"}', "connection lost, will retry\n"]);
});

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { eventually, FaasProcess } from "@faas/testing";

test("invoke --async --wait gets its response after kill -9 of the server during the delivery", async () => {
  await using faas = new FaasProcess();
  const done = join(faas.folder, "done");
  const server = await faas.up({ args: ["--isolation", "off"] });
  const code = `import { existsSync } from "node:fs";
export async function handler({ body }) {
  while (!existsSync(${JSON.stringify(done)})) await new Promise((resolve) => setTimeout(resolve, 10));
  return { body };
}
`;
  await faas.deploy("job", { "index.mjs": code });
  const waiting = faas.start(["invoke", "acme/job", "--async", "--wait", "-d", "important"]);
  await eventually("it is running", async () => /\brunning\b/.test(await faas.succeed(["calls", "acme"])));
  await faas.kill(server);
  await faas.up({ args: ["--isolation", "off", "--port", new URL(server.url).port] });
  await writeFile(done, "");
  const { code: exitCode, stdout, stderr } = await waiting.ended;
  assert.deepEqual([exitCode, stdout, stderr], [0, '{"body":"important"}', "connection lost, will retry\n"]);
});

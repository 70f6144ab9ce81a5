import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, type FaasProcess } from "@faas/testing";

/** Calls a function with `faas invoke --async --wait`, kills the server during the delivery, starts it again, and lets the function respond. */
export async function interruptedCall(faas: FaasProcess) {
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
  return await waiting.ended;
}

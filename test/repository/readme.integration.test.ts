import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { faasProgram, freePort, tempDir } from "@faas/testing";
import { root } from "./source-files.ts";

test("the command blocks of the README's tour work in their order", async () => {
  const text = await readFile(join(root, "README.md"), "utf8");
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block as string);
  assert.ok(blocks.length >= 5);
  const folder = tempDir("readme");
  const port = await freePort();
  // The same commands, with a port and folders of this test.
  const script = `set -euxo pipefail\nnpx() { "$@"; } # the clone's own faas, which PATH has\n${blocks.join("\n")}`
    .replaceAll("faas up", `faas up --port ${port}`)
    .replaceAll("8887", String(port));
  const env = {
    ...process.env,
    PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env.PATH}`,
    FAAS_DATA: join(folder, "data"),
    FAAS_SERVER: `http://127.0.0.1:${port}`,
  };
  try {
    const { code, output } = await run("bash", ["-c", script], folder, env);
    assert.equal(code, 0, output);
    assert.match(output, /\{"hello":"you"\}[\s\S]*\{"hello":"you"\}/);
  } finally {
    await run(process.execPath, [faasProgram, "down"], folder, env);
  }
});

async function run(
  command: string,
  args: string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk) => (output += chunk));
  const [code] = await once(child, "close");
  return { code, output };
}

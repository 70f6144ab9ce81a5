import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");

test("every command block of the README's tour works, one after the other", async () => {
  const text = await readFile(join(root, "README.md"), "utf8");
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block as string);
  assert.ok(blocks.length >= 5);
  const folder = await mkdtemp(join(tmpdir(), "faas-readme-"));
  const port = await freePort();
  // The same commands on a port and in folders of this test's own.
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
    await run(process.execPath, [join(root, "packages/cli/bin/faas.js"), "down"], folder, env);
    await rm(folder, { recursive: true, force: true });
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
    stream.setEncoding("utf8").on("data", (piece) => (output += piece));
  const [code] = await once(child, "close");
  return { code, output };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

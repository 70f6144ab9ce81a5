import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { before, test } from "node:test";
import { copyProgram } from "@faas/builder";
import { tempDir } from "@faas/testing";

/** Tests of the program in the server's image, which runs without `node_modules`. */

const repository = join(import.meta.dirname, "../..");
const folder = tempDir("bundle");
before(async () => {
  await copyProgram(repository, join(folder, "app"));
});

/** Starts the program without the conditions, loader and home of this process. */
const start = (argv: string[], env: NodeJS.ProcessEnv = {}) =>
  spawn(process.execPath, [join(folder, "app/packages/cli/bin/faas.js"), ...argv], {
    env: { PATH: process.env.PATH, HOME: folder, FAAS_DATA: join(folder, "data"), NODE_OPTIONS: "", ...env },
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });

async function outputOf(argv: string[]): Promise<string> {
  const { stdout, stderr } = start(argv);
  return (await textOf(stdout)) + (await textOf(stderr));
}

test("the bundled program starts a server, which ends on SIGTERM", async () => {
  const child = start(["up", "--port", "0", "--log-level", "silent"]);
  const ended = once(child, "exit");
  try {
    const [line] = await once(child.stdout, "data", { signal: AbortSignal.timeout(60_000) });
    const url = String(line).trim();
    assert.equal((await fetch(`${url}/-/readyz`)).status, 200);
    const config = (await fetch(`${url}/-/config`).then((response) => response.json())) as { version: string };
    const manifest = await readFile(join(repository, "packages/cli/package.json"), "utf8");
    assert.equal(config.version, JSON.parse(manifest).version);
    const document = await (await fetch(`${url}/-/ui`)).text();
    const [, script] = /src="([^"]+)"/.exec(document) ?? [];
    assert.equal((await fetch(`${url}${script}`)).status, 200, "the web page");
    assert.equal(await outputOf(["list", "--output", "yaml", "--server", url]), "[]\n");
  } finally {
    child.kill("SIGTERM");
  }
  assert.equal((await ended)[0], 143);
});

test("the bundled program has the Kubernetes platform, which fails without a kubeconfig", async () => {
  const child = start(["up", "--platform", "kubernetes", "--port", "0"], { KUBECONFIG: join(folder, "none") });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (piece) => {
    text += piece;
  });
  const [code] = await once(child, "close");
  assert.equal(code, 1, text);
  assert.match(text, /CLUSTER_CONFIG_INVALID/);
});

test("an error names the lines of the sources", async () => {
  const child = start(["list", "--server", "http://127.0.0.1:1", "--verbose"]);
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (piece) => {
    text += piece;
  });
  await once(child, "close");
  assert.match(text, /at .*\.call \(\S+\/packages\/cli\/src\/client\/client\.ts:\d+:\d+\)/);
  assert.match(text, /at async main \(\S+\/packages\/cli\/src\/main\.ts:\d+:\d+\)/);
});

test("the program has less than 20 MiB", async () => {
  let bytes = 0;
  for (const entry of await readdir(join(folder, "app"), { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  assert.ok(bytes < 20 * 2 ** 20, `${bytes} bytes`);
});

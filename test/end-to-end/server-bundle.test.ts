import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { bundleProgram } from "@faas/builder";
import { tempDir } from "@faas/testing";

/** Tests of the program in the server's image, which runs without `node_modules`. */

const folder = tempDir("bundle");
before(async () => {
  await bundleProgram(join(import.meta.dirname, "../../packages/cli/src/main.ts"), "1.2.3", join(folder, "app"));
});

/** Starts the program without the conditions, loader and home of this process. */
const start = (argv: string[], env: NodeJS.ProcessEnv = {}) =>
  spawn(process.execPath, [join(folder, "app/program/faas.mjs"), ...argv, "--data", join(folder, "data")], {
    env: { PATH: process.env.PATH, HOME: folder, NODE_OPTIONS: "", ...env },
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });

test("the bundled program starts a server, which ends on SIGTERM", async () => {
  const child = start(["up", "--port", "0", "--log-level", "silent"]);
  const ended = once(child, "exit");
  try {
    const [line] = await once(child.stdout, "data", { signal: AbortSignal.timeout(60_000) });
    const url = String(line).trim();
    assert.equal((await fetch(`${url}/-/readyz`)).status, 200);
    // The program reads its version from the folder above its code.
    const config = (await fetch(`${url}/-/config`).then((response) => response.json())) as { version: string };
    assert.equal(config.version, "1.2.3");
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

test("the bundle is a few files with a few megabytes", async () => {
  assert.deepEqual((await readdir(join(folder, "app"))).sort(), ["package.json", "program"]);
  let bytes = 0;
  for (const name of await readdir(join(folder, "app/program"))) {
    assert.match(name, /\.mjs$/);
    bytes += (await stat(join(folder, "app/program", name))).size;
  }
  assert.ok(bytes < 8 * 2 ** 20, `${bytes} bytes`);
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { bundleProgram } from "@faas/builder";

/** The program that the server's image holds: whole without `node_modules`. */

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "faas-bundle-"));
  await bundleProgram(join(import.meta.dirname, "../../packages/cli/src/main.ts"), "1.2.3", join(folder, "app"));
});
after(() => rm(folder, { recursive: true, force: true }));

const start = (...argv: string[]) =>
  spawn(process.execPath, [join(folder, "app/program/faas.mjs"), ...argv], {
    // Nothing of this process: no conditions, no loader, no home.
    env: { PATH: process.env.PATH, HOME: folder, NODE_OPTIONS: "" },
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });

test("the bundled program starts a server that answers, and ends on SIGTERM", async () => {
  const child = start("up", "--port", "0", "--data", join(folder, "data"), "--log-level", "silent");
  const ended = once(child, "exit");
  try {
    const [line] = await once(child.stdout, "data", { signal: AbortSignal.timeout(15_000) });
    const url = String(line).trim();
    assert.equal((await fetch(`${url}/-/readyz`)).status, 200);
    // Both read their version beside their code.
    const config = (await fetch(`${url}/-/config`).then((answer) => answer.json())) as { version: string };
    assert.equal(config.version, "1.2.3");
  } finally {
    child.kill("SIGTERM");
  }
  assert.equal((await ended)[0], 143);
});

test("the platform of clusters is in it: without a cluster it says what is missing", async () => {
  const child = spawn(
    process.execPath,
    [
      join(folder, "app/program/faas.mjs"),
      "up",
      "--platform",
      "kubernetes",
      "--port",
      "0",
      "--data",
      join(folder, "data"),
    ],
    {
      env: { PATH: process.env.PATH, HOME: folder, KUBECONFIG: join(folder, "none") },
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (piece) => {
    text += piece;
  });
  const [code] = await once(child, "close");
  assert.equal(code, 1, text);
  assert.match(text, /CLUSTER_CONFIG_INVALID/);
});

test("it is a few files and a few megabytes, with nothing else beside", async () => {
  assert.deepEqual((await readdir(join(folder, "app"))).sort(), ["package.json", "program"]);
  let bytes = 0;
  for (const name of await readdir(join(folder, "app/program"))) {
    assert.match(name, /\.mjs$/);
    bytes += (await stat(join(folder, "app/program", name))).size;
  }
  assert.ok(bytes < 8 * 2 ** 20, `${bytes} bytes`);
});

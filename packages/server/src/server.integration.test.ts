import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { createCertificate, eventually, tempDir } from "@faas/testing";
import type { ServerOptions } from "./options.ts";
import { startServer } from "./server.ts";
import { digestOf, functionBundle } from "./testing/test-control.ts";

// A failed start leaves nothing open: no port, lock, timer, child process or file.

const folder = tempDir("start");
const dataDir = join(folder, "data");
const tls = createCertificate(folder, "server");

/** Open resources of this process by kind. */
function openResources() {
  const files = readdirSync("/proc/self/fd").length;
  const children = readdirSync("/proc/self/task").flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, "utf8").split(" ").filter(Boolean),
  );
  const active: Record<string, number> = {};
  // Requests to the file system and the like end by themselves.
  for (const type of process.getActiveResourcesInfo().filter((type) => !type.includes("Req")))
    active[type] = (active[type] ?? 0) + 1;
  return { files, children: children.length, active };
}

/** Processes that belong to the test itself, such as the compiler of tsx. */
const childrenAtStart = openResources().children;

async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((done) => {
    server.once("error", () => done(false));
    server.listen(port, "127.0.0.1", () => server.close(() => done(true)));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** Waits until nothing of a server is left. The baseline is taken when no server runs. */
async function assertNothingLeft(baseline: ReturnType<typeof openResources>, port: number): Promise<void> {
  const isBack = () => isDeepStrictEqual(openResources(), baseline);
  await eventually("everything is closed", isBack, { timeoutMs: 10_000 }).catch(() => {});
  assert.deepEqual(openResources(), baseline);
  assert.ok(await isPortFree(port));
  assert.ok(!existsSync(join(dataDir, "lock.json")));
  assert.deepEqual(
    readdirSync(dataDir).filter((name) => name.endsWith(".new")),
    [],
  );
}

const options = (port: number): ServerOptions => ({ dataDir, port, tls, auth: true, logLevel: "silent", poolSize: 1 });

/** Deploys a function that always has a replica, so that every later start starts a process. */
async function deployFunction(): Promise<void> {
  const server = await startServer({ dataDir, port: 0, auth: false, logLevel: "silent" });
  try {
    const tar = await functionBundle("export const handler = () => 'hello';\n");
    const digest = digestOf(tar);
    const send = (path: string, init: RequestInit) =>
      fetch(server.url + path, { ...init, headers: { "Content-Type": "application/json", Connection: "close" } });
    await send(`/-/bundles/${digest}`, { method: "PUT", body: new Uint8Array(tar) });
    const body = JSON.stringify({ artifact: { kind: "bundle", digest }, settings: { idleTimeout: "never" } });
    const { revision } = (await (await send("/-/orgs/acme/endpoints/x", { method: "PUT", body })).json()) as {
      revision: string;
    };
    const { phase } = (await (await send(`/-/orgs/acme/endpoints/x?wait=${revision}`, {})).json()) as { phase: string };
    assert.equal(phase, "ready");
  } finally {
    await server.stop();
  }
}

test("a start that fails at any step leaves nothing open, and the next start succeeds", async (t) => {
  await deployFunction();
  const port = await freePort();
  const steps: string[] = [];
  const server = await startServer(options(port), { beforeStep: (name) => steps.push(name) });
  await server.stop();
  assert.ok(steps.length > 8, steps.join());
  await eventually("the first server is gone", () => openResources().children === childrenAtStart);
  const baseline = openResources();
  for (const failing of steps) {
    await t.test(failing, async () => {
      const failure = new Error(`failed at ${failing}`);
      const beforeStep = (name: string) => {
        if (name === failing) throw failure;
      };
      await assert.rejects(startServer(options(port), { beforeStep }), failure);
      await assertNothingLeft(baseline, port);
    });
  }
  await (await startServer(options(port))).stop();
  await assertNothingLeft(baseline, port);
});

test("a start that fails by itself leaves nothing open", async (t) => {
  const port = await freePort();
  await (await startServer(options(port))).stop();
  await eventually("the first server is gone", () => openResources().children === childrenAtStart);
  const baseline = openResources();
  const garbage = join(folder, "garbage");
  await writeFile(garbage, "neither a key nor a certificate");
  for (const [code, failing] of [
    ["USAGE", { adminKeyFile: garbage }],
    ["CERTIFICATE_INVALID", { tls: { cert: garbage, key: garbage } }],
  ] as const) {
    await t.test(code, async () => {
      await assert.rejects(startServer({ ...options(port), ...failing }), { code });
      await assertNothingLeft(baseline, port);
    });
  }
  await t.test("STATE_LOCKED and PORT_IN_USE", async () => {
    const server = await startServer(options(port));
    await assert.rejects(startServer(options(port)), { code: "STATE_LOCKED" });
    const other = join(folder, "other");
    await assert.rejects(startServer({ ...options(port), dataDir: other }), { code: "PORT_IN_USE" });
    assert.ok(!existsSync(join(other, "lock.json")));
    await server.stop();
    await assertNothingLeft(baseline, port);
  });
});

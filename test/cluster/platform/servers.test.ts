import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { SettingsInput } from "@faas/core";
import { eventually, tempDir } from "@faas/testing";
import { C_SERVER, NODE_SERVER } from "../../platform/server-bundles.ts";
import { ClusterServer } from "../cluster-server.ts";

/** Servers that are started by a command: no wrapper is in between. */

describe("a server in the cluster", { concurrency: 3 }, () => {
  let control: ClusterServer;
  before(async () => {
    control = await ClusterServer.start();
  });
  after(() => control[Symbol.asyncDispose]());

  const serve = async (files: Readonly<Record<string, string | Uint8Array>>, settings: SettingsInput) => {
    const { runtime, command } = settings;
    const key = `${control.org()}/x`;
    const built = { app: "server", ...(runtime ? { runtime } : {}), ...(command ? { command } : {}) } as const;
    const image = await control.instance.imageOf(files, built);
    const view = await control.deploy(key, image, { app: "server", ...settings });
    return { key, view, image };
  };
  const hasLine = (key: string, line: string) => async () =>
    (await control.logs(key)).some((each) => each.line === line);

  test("is started by its command behind a shell, and gets SIGTERM when its calls are answered", async () => {
    const handler = `process.on("SIGTERM", () => {
      console.log("got SIGTERM");
      setTimeout(() => { console.log("has cleaned up"); process.exit(0); }, 500);
    });`;
    const files = { "package.json": "{}", "server.mjs": NODE_SERVER.replace("700", "3000") + handler };
    const { key, view, image } = await serve(files, { runtime: "node", command: "true && node server.mjs && true" });
    assert.equal(view.phase, "ready", JSON.stringify(view));
    assert.equal(JSON.parse(await control.text(`${key}/environment`)).PORT, "8080");
    const call = control.text(`${key}/slow`);
    await eventually("the call is in flight", hasLine(key, "in flight"));
    await control.deploy(key, image, { app: "server", runtime: "node", command: "node server.mjs" });
    assert.equal(await call, '"answered"');
    await eventually("the previous replica got SIGTERM", hasLine(key, "got SIGTERM"));
    await eventually("it has time to clean up", hasLine(key, "has cleaned up"));
  });

  test("may be a module of Python", async () => {
    const { key, view } = await serve(
      { "page.txt": "from Python" },
      { runtime: "python", command: "python -m http.server $PORT" },
    );
    assert.equal(view.phase, "ready", JSON.stringify(view));
    assert.equal(await control.text(`${key}/page.txt`), "from Python");
  });

  test("may be a built program", { skip: spawnSync("cc", ["--version"]).error && "no C compiler" }, async () => {
    const folder = tempDir("program");
    try {
      execFileSync("cc", ["-static", "-x", "c", "-o", join(folder, "server"), "-"], { input: C_SERVER });
      const files = { server: readFileSync(join(folder, "server")) };
      const { key, view } = await serve(files, { runtime: "binary", command: ["./server"] });
      assert.equal(view.phase, "ready", JSON.stringify(view));
      assert.equal(await control.text(key), "from C");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("whose command is missing or ends is reported with the command", async () => {
    const { view } = await serve({ "package.json": "{}" }, { runtime: "node", command: "gunicorn app:app" });
    assert.equal(view.failure?.code, "REPLICA_EXITED", JSON.stringify(view));
    assert.match(
      view.failure?.detail ?? "",
      /^A program of the command "gunicorn app:app" was not found \(exit code 127\)/,
    );
  });
});

describe("a server that is not ready in time", () => {
  test("is reported with the port that it listens on, or the status of its ready path", async () => {
    await using control = await ClusterServer.start({ startSeconds: 8 });
    const command = "node server.mjs";
    const failureOf = async (source: string, settings: SettingsInput = {}) => {
      const files = { "package.json": "{}", "server.mjs": source };
      const image = await control.instance.imageOf(files, { app: "server", runtime: "node", command });
      return (
        (await control.deploy(`${control.org()}/x`, image, { app: "server", command, ...settings })).failure?.detail ??
        ""
      );
    };
    const [elsewhere, unready] = await Promise.all([
      failureOf(NODE_SERVER.replace("listen(process.env.PORT,", "listen(3000,")),
      failureOf(NODE_SERVER, { readyPath: "/healthz" }),
    ]);
    assert.match(elsewhere, /^The server listens on port 3000, not on port 8080/);
    assert.match(unready, /^GET \/healthz responded with status 404 for 8 s/);
  });
});

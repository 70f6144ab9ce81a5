import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageInspectInfo } from "dockerode";
import { programConfig, serverConfig } from "./server-config.ts";

const base = { Env: ["PATH=/usr/bin", "PORT=8080"], Cmd: ["node", ".interface.mjs"], Entrypoint: ["/init"] };
const config = base as unknown as ImageInspectInfo["Config"];

test("a server's image runs its command, with the programs of its dependencies on the PATH", () => {
  const { Cmd, Entrypoint, Env } = serverConfig(config, "npm start");
  assert.deepEqual(Cmd, ["/bin/sh", "-c", "npm start"]);
  assert.equal(Entrypoint, undefined);
  assert.ok(Env.includes("PATH=/app/node_modules/.bin:/app/.packages/bin:/usr/bin"), Env.join());
  assert.ok(Env.includes("PORT=8080"));
  assert.deepEqual(serverConfig(config, ["./server", "-v"]).Cmd, ["./server", "-v"]);
});

test("a built program's image has the user, folder and port of the images of languages", () => {
  const { User, WorkingDir, ExposedPorts, Env } = programConfig(config);
  assert.deepEqual([User, WorkingDir, ExposedPorts], ["65532:65532", "/app", { "8080/tcp": {} }]);
  assert.deepEqual(
    Env.filter((each) => each.startsWith("PORT=")),
    ["PORT=8080"],
  );
});

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after } from "node:test";
import { type ServerOptions, startServer } from "@faas/server";
import { type Ended, type RunningCommand, tempDir } from "@faas/testing";
import { type CommandOptions, runHere, startHere, type Test } from "./test-cli.ts";

/** Control server in this process, and commands that use it. */
export interface TestServer {
  readonly url: string;
  /** Temporary working directory of the commands. */
  readonly folder: string;
  /** Writes a folder with a function in JavaScript; returns its path. */
  source(name: string, code: string): Promise<string>;
  /** Deploys such a folder as `org/endpoint`. */
  deploy(key: string, code: string): Promise<void>;
  start(t: Test, argv: readonly string[], more?: Partial<CommandOptions>): RunningCommand;
  run(t: Test, argv: readonly string[], more?: Partial<CommandOptions>): Promise<Ended>;
}

/** Context for a command that is awaited, so that no test has to end it. */
const awaited: Test = { after: () => {} };

/** Starts a server, which is stopped after the tests of the file. */
export async function testServer(
  options: Pick<ServerOptions, "kubernetes" | "env" | "registryHookTokenFile"> = {},
): Promise<TestServer> {
  // Hooks run in the order of their registration: the server stops before its folder is removed.
  after(() => server.stop());
  const folder = tempDir("cli");
  const server = await startServer({ ...options, dataDir: join(folder, "data"), port: 0, logLevel: "silent" });
  const withServer = (more: Partial<CommandOptions> = {}) => ({
    cwd: folder,
    ...more,
    env: { FAAS_SERVER: server.url, ...more.env },
  });
  const source = async (name: string, code: string) => {
    const path = join(folder, name);
    await mkdir(path, { recursive: true });
    await writeFile(join(path, "index.mjs"), code);
    return path;
  };
  const run: TestServer["run"] = (t, argv, more) => runHere(t, argv, withServer(more));
  return {
    url: server.url,
    folder,
    source,
    run,
    start: (t, argv, more) => startHere(t, argv, withServer(more)),
    async deploy(key, code) {
      const [org = "", endpoint = ""] = key.split("/");
      const path = await source(key.replace("/", "-"), code);
      const { code: exitCode, stderr } = await run(awaited, ["deploy", path, "--org", org, "--endpoint", endpoint]);
      assert.equal(exitCode, 0, stderr);
    },
  };
}

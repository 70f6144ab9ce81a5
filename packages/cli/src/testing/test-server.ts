import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { type ServerOptions, startServer } from "@faas/server";
import { type Ended, type Running, runHere, type Surroundings, startHere, type Test } from "./test-cli.ts";

/** For tests: a control server in this process, and commands that talk to it. */
export interface TestServer {
  readonly url: string;
  /** Where commands run, temporary. */
  readonly folder: string;
  /** Writes a folder with a function in JavaScript; gives its path. */
  source(name: string, code: string): Promise<string>;
  /** Deploys such a folder as `org/endpoint`. */
  deploy(key: string, code: string): Promise<void>;
  start(t: Test, argv: readonly string[], more?: Partial<Surroundings>): Running;
  run(t: Test, argv: readonly string[], more?: Partial<Surroundings>): Promise<Ended>;
}

/** A command that is waited for needs no end. */
const awaited: Test = { after: () => {} };

/** Stopped, and its folder removed, after the tests of the file. */
export async function testServer(options: Pick<ServerOptions, "kubernetes"> = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), "faas-cli-"));
  const server = await startServer({ ...options, dataDir: join(folder, "data"), port: 0, logLevel: "silent" });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const surroundings = (more: Partial<Surroundings> = {}) => ({
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
  const run: TestServer["run"] = (t, argv, more) => runHere(t, argv, surroundings(more));
  return {
    url: server.url,
    folder,
    source,
    run,
    start: (t, argv, more) => startHere(t, argv, surroundings(more)),
    async deploy(key, code) {
      const [org = "", endpoint = ""] = key.split("/");
      const path = await source(key.replace("/", "-"), code);
      const { code: exitCode, stderr } = await run(awaited, ["deploy", path, "--org", org, "--endpoint", endpoint]);
      assert.equal(exitCode, 0, stderr);
    },
  };
}

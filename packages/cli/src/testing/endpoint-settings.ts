import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { TestServer } from "./test-server.ts";

/** Returns functions to deploy to endpoints of `acme` on a test server, and to read their settings. */
export function endpointSettings(server: TestServer) {
  return {
    /** Deploys a folder; returns the printed lines about changes. */
    async deploy(t: TestContext, folder: string, endpoint: string, ...options: string[]): Promise<string[]> {
      const argv = ["deploy", folder, "--org", "acme", "--endpoint", endpoint, ...options];
      const { code, stderr } = await server.run(t, argv);
      assert.equal(code, 0, stderr);
      return stderr.split("\n").filter((line) => line.includes(" -> "));
    },
    /** Returns the settings as `faas describe` prints them. */
    async described(t: TestContext, endpoint: string) {
      const { stdout } = await server.run(t, ["describe", `acme/${endpoint}`, "--output", "json"]);
      return JSON.parse(stdout).settings;
    },
  };
}

/** Writes the `faas.json` of a folder. */
export const saveProject = (folder: string, project: object): Promise<void> =>
  writeFile(join(folder, "faas.json"), JSON.stringify(project));

import assert from "node:assert/strict";
import { join } from "node:path";
import type { Artifact } from "@faas/core";
import { type RunningServer, startServer } from "@faas/server";
import { freePort, tempDir } from "@faas/testing";
import { digestOf, functionBundle } from "../../packages/server/src/testing/test-control.ts";
import type { ServerUnderTest } from "./server-under-test.ts";

/** Control server in this process, on one port and with one data folder over its restarts. */
export class EmbeddedServer implements ServerUnderTest, AsyncDisposable {
  readonly org = "acme";
  readonly otherOrg = "other";
  readonly url: string;
  adminToken = "";
  readonly #options: { readonly dataDir: string; readonly port: number };
  #server: RunningServer | undefined;

  private constructor(port: number) {
    this.url = `http://127.0.0.1:${port}`;
    this.#options = { dataDir: join(tempDir("browser"), "data"), port };
  }

  static async start(): Promise<EmbeddedServer> {
    const server = new EmbeddedServer(await freePort());
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    this.#server = await startServer({ ...this.#options, auth: true, logLevel: "silent" });
    this.adminToken = this.#server.adminToken ?? this.adminToken;
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  async artifact(code: string): Promise<Artifact> {
    const bundle = await functionBundle(code);
    const digest = digestOf(bundle);
    const { status } = await fetch(`${this.url}/-/bundles/${digest}`, {
      method: "PUT",
      body: new Uint8Array(bundle),
      headers: { Authorization: `Bearer ${this.adminToken}` },
    });
    assert.ok(status < 300, String(status));
    return { kind: "bundle", digest };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

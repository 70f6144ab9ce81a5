import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after } from "node:test";
import { type OrgScope, PROBLEM_MEDIA_TYPE, type Problem } from "@faas/core";
import { type Header, pack } from "tar-stream";
import type { ServerOptions } from "../options.ts";
import { startServer } from "../server.ts";

/** For tests: a control server on a port and a data folder of its own, and what is sent to it over HTTP. */
export interface TestControl {
  readonly url: string;
  readonly dataDir: string;
  /** Of the admin key that was made at the start; empty where keys are not required. Requests have it, unless they are given another, or none: "". */
  readonly adminToken: string;
  /** Sends a request; gives status, headers and the parsed body, which of an error is a problem document. */
  send(method: string, path: string, body?: unknown, token?: string): Promise<Answer>;
  /** Uploads a tar under its digest, or the one that is given. */
  upload(tar: Buffer, digest?: string, token?: string): Promise<Answer>;
  /** Makes a key, and gives its token. */
  key(org: string, scope: OrgScope): Promise<string>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: what is in it, the test says
  readonly body: any;
  readonly problem: Problem;
}

/** Stopped, and its folder removed, after the tests of the file. */
export async function testControl(options: Partial<ServerOptions> = {}): Promise<TestControl> {
  const folder = await mkdtemp(join(tmpdir(), "faas-control-"));
  const dataDir = join(folder, "data");
  const server = await startServer({ dataDir, port: 0, logLevel: "silent", ...options });
  after(async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const { adminToken = "" } = server;
  const bearer = (token: string): Record<string, string> => (token === "" ? {} : { Authorization: `Bearer ${token}` });
  const answered = async (answer: Response): Promise<Answer> => {
    const text = await answer.text();
    const isJson = /[/+]json/.test(answer.headers.get("content-type") ?? "");
    const body = isJson ? JSON.parse(text) : text;
    if (answer.status >= 400 && answer.headers.get("content-type") !== PROBLEM_MEDIA_TYPE)
      throw new Error(`expected a problem document, got ${answer.status} ${text}`);
    return { status: answer.status, headers: answer.headers, body, problem: body };
  };
  return {
    url: server.url,
    dataDir,
    adminToken,
    async send(method, path, body, token = adminToken) {
      const isText = typeof body === "string";
      const sent = body === undefined ? {} : { body: isText ? body : JSON.stringify(body) };
      const headers = { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...bearer(token) };
      return answered(await fetch(server.url + path, { method, headers, ...sent }));
    },
    async upload(tar, digest = digestOf(tar), token = adminToken) {
      const sent = { method: "PUT", body: new Uint8Array(tar), headers: bearer(token) };
      return answered(await fetch(`${server.url}/-/bundles/${digest}`, sent));
    },
    async key(this: TestControl, org, scope) {
      const { status, body } = await this.send("POST", `/-/orgs/${org}/keys`, { scope });
      assert.equal(status, 201, JSON.stringify(body));
      return body.token;
    },
  };
}

export const digestOf = (tar: Buffer): string => `sha256:${createHash("sha256").update(tar).digest("hex")}`;

/** A tar of these entries, in this order. */
export function tarOf(
  ...entries: readonly (Partial<Header> & { readonly name: string; readonly text?: string | Buffer })[]
): Promise<Buffer> {
  const tar = pack();
  for (const { text = "", ...header } of entries) tar.entry(header as Header, text);
  tar.finalize();
  return buffer(tar);
}

/** A bundle with the wrapper and this JavaScript. */
export async function functionBundle(code: string): Promise<Buffer> {
  const wrapper = await readFile(join(import.meta.dirname, "../../../../templates/node/.interface.mjs"));
  return tarOf({ name: ".interface.mjs", text: wrapper }, { name: "index.mjs", text: code });
}

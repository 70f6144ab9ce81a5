import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after } from "node:test";
import { type OrgScope, PROBLEM_MEDIA_TYPE, type Problem } from "@faas/core";
import { tempDir } from "@faas/testing";
import { type Header, pack } from "tar-stream";
import type { ServerOptions } from "../options.ts";
import { startServer } from "../server.ts";
import { checkResponse } from "./response-check.ts";

/** Control server for tests, on a free port and a new data folder, with a client. */
export interface TestControl {
  readonly url: string;
  readonly dataDir: string;
  /** Token of the admin key that the start created; empty where keys are not required. Requests use it unless they pass another, or none: "". */
  readonly adminToken: string;
  /** Declared responses that were received so far, as `put /-/orgs/{org} 201`. */
  readonly sentResponses: ReadonlySet<string>;
  /** Sends a request and parses the response. Responses are compared with the declarations of their routes. */
  send(method: string, path: string, body?: unknown, token?: string): Promise<Answer>;
  /** Uploads a tar under its digest, or under the given one. */
  upload(tar: Buffer, digest?: string, token?: string): Promise<Answer>;
  /** Creates a key, and returns its token. */
  key(org: string, scope: OrgScope): Promise<string>;
  /** Stops the server before the tests of the file have ended. */
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its fields
  readonly body: any;
  readonly problem: Problem;
}

/** Starts a control server that is stopped after the tests of the file. */
export async function testControl(options: Partial<ServerOptions> = {}): Promise<TestControl> {
  const dataDir = join(tempDir("control"), "data");
  const server = await startServer({ dataDir, port: 0, logLevel: "silent", ...options });
  after(() => server.stop());
  const { adminToken = "" } = server;
  const bearer = (token: string): Record<string, string> => (token === "" ? {} : { Authorization: `Bearer ${token}` });
  const sentResponses = new Set<string>();
  const answered = async (method: string, path: string, answer: Response): Promise<Answer> => {
    const text = await answer.text();
    const contentType = answer.headers.get("content-type") ?? "";
    const name = checkResponse({ method, path, status: answer.status, contentType, text });
    if (name !== undefined) sentResponses.add(name);
    const isJson = /[/+]json/.test(answer.headers.get("content-type") ?? "");
    const body = isJson ? JSON.parse(text) : text;
    if (answer.status >= 400 && method !== "HEAD" && contentType !== PROBLEM_MEDIA_TYPE)
      throw new Error(`expected a problem document, got ${answer.status} ${text}`);
    return { status: answer.status, headers: answer.headers, body, problem: body };
  };
  return {
    stop: () => server.stop(),
    url: server.url,
    dataDir,
    adminToken,
    sentResponses,
    async send(method, path, body, token = adminToken) {
      const isText = typeof body === "string";
      const sent = body === undefined ? {} : { body: isText ? body : JSON.stringify(body) };
      const headers = { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...bearer(token) };
      return answered(method, path, await fetch(server.url + path, { method, headers, ...sent }));
    },
    async upload(tar, digest = digestOf(tar), token = adminToken) {
      const sent = { method: "PUT", body: new Uint8Array(tar), headers: bearer(token) };
      const path = `/-/bundles/${digest}`;
      return answered("PUT", path, await fetch(server.url + path, sent));
    },
    async key(this: TestControl, org, scope) {
      const { status, body } = await this.send("POST", `/-/orgs/${org}/keys`, { scope });
      assert.equal(status, 201, JSON.stringify(body));
      return body.token;
    },
  };
}

export const digestOf = (tar: Buffer): string => `sha256:${createHash("sha256").update(tar).digest("hex")}`;

/** Makes a tar of the entries, in their order. */
export function tarOf(
  ...entries: readonly (Partial<Header> & { readonly name: string; readonly text?: string | Buffer })[]
): Promise<Buffer> {
  const tar = pack();
  // Equal contents have equal digests, whenever they are packed.
  for (const { text = "", ...header } of entries) tar.entry({ mtime: new Date(0), ...header } as Header, text);
  tar.finalize();
  return buffer(tar);
}

/** Makes a bundle with the wrapper and a JavaScript module. */
export async function functionBundle(code: string): Promise<Buffer> {
  const wrapper = await readFile(join(import.meta.dirname, "../../../../templates/node/.interface.mjs"));
  return tarOf({ name: ".interface.mjs", text: wrapper }, { name: "index.mjs", text: code });
}

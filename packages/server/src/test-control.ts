import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { after } from "node:test";
import { PROBLEM_MEDIA_TYPE, type Problem } from "@faas/core";
import { type Header, pack } from "tar-stream";
import { type ServerOptions, startServer } from "./main.ts";

/** For tests: a control server on a port and a data folder of its own, and what is sent to it over HTTP. */
export interface TestControl {
  readonly url: string;
  readonly dataDir: string;
  /** Sends a request; gives status, headers and the parsed body, which of an error is a problem document. */
  send(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Uploads a tar under its digest, or the one that is given. */
  upload(tar: Buffer, digest?: string): Promise<Answer>;
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
  const answered = async (answer: Response): Promise<Answer> => {
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get("content-type") ?? "");
    const body = isJson ? JSON.parse(text) : text;
    if (answer.status >= 400 && answer.headers.get("content-type") !== PROBLEM_MEDIA_TYPE)
      throw new Error(`expected a problem document, got ${answer.status} ${text}`);
    return { status: answer.status, headers: answer.headers, body, problem: body };
  };
  return {
    url: server.url,
    dataDir,
    async send(method, path, body) {
      const isText = typeof body === "string";
      const sent = body === undefined ? {} : { body: isText ? body : JSON.stringify(body) };
      const headers = body === undefined ? {} : { "Content-Type": "application/json" };
      return answered(await fetch(server.url + path, { method, headers, ...sent }));
    },
    async upload(tar, digest = digestOf(tar)) {
      return answered(await fetch(`${server.url}/-/bundles/${digest}`, { method: "PUT", body: new Uint8Array(tar) }));
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
  const wrapper = await readFile(join(import.meta.dirname, "../../../templates/node/.interface.mjs"));
  return tarOf({ name: ".interface.mjs", text: wrapper }, { name: "index.mjs", text: code });
}

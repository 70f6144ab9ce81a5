import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { eventually, tempDir } from "@faas/testing";
import { Agent, type Dispatcher, request } from "undici";
import { exitOf, type Started, type WrapperResponse } from "./contract.ts";
import type { wrappers } from "./languages.ts";

/** Token of the only claim that a process accepts. */
const TOKEN = "0123456789abcdef";

/** File, link or folder of a claim; a file has a `text`. */
export interface ClaimedFile {
  readonly path: string;
  readonly text?: string;
  readonly mode?: number;
  readonly link?: string;
  readonly type?: "folder";
}

/** Claim as it is sent; fields that are absent get right values. */
export interface ClaimOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
  readonly digest?: string;
  readonly token?: string;
  /** Body, in place of one with the files. */
  readonly body?: string | Buffer;
}

/** Wrapper that waits for its function. Disposing ends it and removes its folders. */
export interface WarmWrapper extends Started {
  /** Folder for the function's files. */
  readonly folder: string;
  /** Sends a claim with files: their entries, or texts by path. */
  claim(
    files: readonly ClaimedFile[] | Readonly<Record<string, string>>,
    options?: ClaimOptions,
  ): Promise<WrapperResponse>;
}

/** Files that a wrapper in warm mode finds. */
export interface WarmOptions {
  /** Texts of files that its folder has, by path. */
  readonly present?: Readonly<Record<string, string>>;
  /** File with the claim that an earlier process has kept. */
  readonly claimFile?: string;
}

/** Starts a wrapper in warm mode, and waits until it says so, or until it is ready again. */
export async function startWarm(
  { wrapper, command: [program, ...args] }: (typeof wrappers)[keyof typeof wrappers],
  { present = {}, claimFile = join(tempDir("warm"), "claim.json") }: WarmOptions = {},
): Promise<WarmWrapper> {
  const folder = tempDir("warm");
  for (const [path, text] of Object.entries(present)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const socketPath = join(tempDir("warm"), "s.sock");
  const tokenDigest = createHash("sha256").update(TOKEN).digest("hex");
  const child = spawn(program, [...args, wrapper], {
    cwd: "/",
    env: {
      PATH: process.env.PATH,
      PORT: socketPath,
      FAAS_WARM: "1",
      FAAS_WARM_FOLDER: folder,
      FAAS_CLAIM_SHA256: tokenDigest,
      FAAS_CLAIM_FILE: claimFile,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk) => (output += chunk));
  // No kept-alive connections: a replica that ends waits for their clients.
  const agent = new Agent({ connect: { socketPath }, pipelining: 0 });
  const call = async (path: string, options: Partial<Dispatcher.RequestOptions> = {}): Promise<WrapperResponse> => {
    const { statusCode, headers, body } = await request(`http://wrapper${path}`, {
      method: "GET",
      ...options,
      dispatcher: agent,
    });
    const bytes = Buffer.from(await body.arrayBuffer());
    return { status: statusCode, headers, bytes, text: bytes.toString(), json: () => JSON.parse(bytes.toString()) };
  };
  const claim: WarmWrapper["claim"] = (files, options = {}) => {
    const entries = Array.isArray(files) ? files : Object.entries(files).map(([path, text]) => ({ path, text }));
    const headers = { authorization: `Bearer ${options.token ?? TOKEN}` };
    return call("/-/claim", {
      method: "POST",
      headers,
      body: options.body ?? claimBody(entries, { folder, ...options }),
    });
  };
  const dispose = async () => {
    child.kill("SIGKILL");
    await exitOf(child);
    await agent.destroy();
    await removeReadOnly(folder);
  };
  const isWarm = async () =>
    existsSync(socketPath) && ["warm", "ready"].includes((await call("/-/ready")).json().status);
  await eventually("a warm process", isWarm).catch(async (error) => {
    console.error(output);
    await dispose();
    throw error;
  });
  return { socketPath, child, output: () => output, call, folder, claim, [Symbol.asyncDispose]: dispose };
}

function claimBody(files: readonly ClaimedFile[], { folder, env = {}, digest }: ClaimOptions): Buffer {
  const contents = Buffer.from(files.map(({ text = "" }) => text).join(""));
  const entries = files.map(({ text, ...entry }) =>
    text === undefined ? entry : { ...entry, size: Buffer.byteLength(text) },
  );
  const actual = `sha256:${createHash("sha256").update(contents).digest("hex")}`;
  const line = JSON.stringify({ folder, env, digest: digest ?? actual, files: entries });
  return Buffer.concat([Buffer.from(`${line}\n`), contents]);
}

/** Removes a folder in which folders may be read-only. */
async function removeReadOnly(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    await chmod(join(folder, entry.name), 0o755);
    await removeReadOnly(join(folder, entry.name));
  }
  await rm(folder, { recursive: true, force: true });
}

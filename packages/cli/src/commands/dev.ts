import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { PreparedFolder } from "@faas/builder";
import { DEFAULT_PORT, FaasError, type LogLine } from "@faas/core";
import type { RequestReport, RunningServer } from "@faas/server";
import type { Command } from "commander";
import { Client } from "../client.ts";
import type { GlobalOptions, Io } from "../io.ts";
import { colors, say, showError } from "../output.ts";
import { findProject } from "../project.ts";
import { whole } from "../settings-options.ts";
import { endpointNameOf } from "../starter.ts";
import { watchFolder } from "../watch-folder.ts";

interface Options extends GlobalOptions {
  readonly port?: number;
}

const IGNORED = /(^|\/)(\.git|node_modules|__pycache__|\.venv|venv|\.faas|\.packages)(\/|$)|(~|\.sw[px])$/;

export function define(command: Command, io: Io): void {
  command
    .argument("[dir]", "folder with the function", ".")
    .option("--port <port>", "port to listen on (default 8887, or a free one when that is taken)", whole(0, 65_535))
    .action(async (dir: string) => dev(resolve(io.cwd, dir), command.optsWithGlobals<Options>(), io));
}

async function dev(folder: string, options: Options, io: Io): Promise<void> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw new FaasError("SOURCE_UNREADABLE", `Expected a folder, and ${folder} is none`);
  const dataDir = await mkdtemp(join(tmpdir(), "faas-dev-data-"));
  const server = await start(dataDir, options.port, io);
  const session = new Session(folder, server, io);
  try {
    await session.deploy();
    io.stdout.write(`${session.url}\n`);
    say(io, `${folder} answers at ${session.url}; saved changes are loaded; Ctrl-C ends`);
    const logs = session.followLogs();
    await watchFolder(folder, {
      ignored: (path) => IGNORED.test(path),
      onChange: () => void session.deploy(),
      signal: io.signal,
    });
    if (!io.signal.aborted) await new Promise((ended) => io.signal.addEventListener("abort", ended, { once: true }));
    await logs;
  } finally {
    await server.stop();
    await session[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function start(dataDir: string, port: number | undefined, io: Io): Promise<RunningServer> {
  const { startServer } = await import("@faas/server");
  const onRequest = (report: RequestReport) => say(io, requestLine(report, io));
  try {
    return await startServer({ dataDir, port: port ?? DEFAULT_PORT, logLevel: "silent", onRequest });
  } catch (error) {
    if (port !== undefined || !(error instanceof FaasError) || error.code !== "PORT_IN_USE") throw error;
    return startServer({ dataDir, port: 0, logLevel: "silent", onRequest });
  }
}

function requestLine({ method, path, status, durationMs, cold }: RequestReport, io: Io): string {
  const color = colors(io.stderr, io);
  const paint = status >= 500 ? color.red : status >= 400 ? color.yellow : color.green;
  return `${paint(String(status))} ${method} ${path} ${color.dim(`${durationMs.toFixed(1)} ms${cold ? ", cold start" : ""}`)}`;
}

/** Deploys the folder again and again to a server of its own: the same way as `faas deploy`, without a tar. */
class Session implements AsyncDisposable {
  readonly #folder: string;
  readonly #server: RunningServer;
  readonly #io: Io;
  readonly #client: Client;
  #ref = { org: "dev", endpoint: "function" };
  /** What is served, and what served before it: requests may still run there. */
  #prepared: PreparedFolder[] = [];
  #running: Promise<void> | undefined;
  #again = false;

  constructor(folder: string, server: RunningServer, io: Io) {
    this.#folder = folder;
    this.#server = server;
    this.#io = io;
    this.#client = new Client(server.url, io.signal);
  }

  get url(): string {
    return `${this.#server.url}/${this.#ref.org}/${this.#ref.endpoint}`;
  }

  /** Changes that come while one is being loaded are loaded together after it. */
  async deploy(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#deployAll().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  async followLogs(): Promise<void> {
    const dim = colors(this.#io.stderr, this.#io).dim;
    try {
      for await (const { line } of this.#client.logs(this.#ref, { follow: "true" }) as AsyncIterable<LogLine>)
        say(this.#io, `${dim("|")} ${line}`);
    } catch (error) {
      if (!this.#io.signal.aborted) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const prepared of this.#prepared) await prepared[Symbol.asyncDispose]();
  }

  async #deployAll(): Promise<void> {
    while (this.#again && !this.#io.signal.aborted) {
      this.#again = false;
      const began = performance.now();
      try {
        await this.#deployOnce();
        say(this.#io, colors(this.#io.stderr, this.#io).dim(`loaded in ${(performance.now() - began).toFixed(0)} ms`));
      } catch (error) {
        if (!this.#io.signal.aborted) showError(error, this.#io, false);
      }
    }
  }

  async #deployOnce(): Promise<void> {
    const { prepareFolder } = await import("@faas/builder");
    const { $schema: _, org, endpoint, server: __, ...settings } = (await findProject(this.#folder))?.project ?? {};
    // The endpoint keeps its first name: a URL that changes under the user would be no help.
    if (this.#prepared.length === 0)
      this.#ref = { org: org ?? "dev", endpoint: endpoint ?? endpointNameOf(this.#folder) };
    const { runtime, handler } = settings;
    const prepared = await prepareFolder(this.#folder, {
      ...(runtime === undefined ? {} : { runtime }),
      ...(handler === undefined ? {} : { handler }),
      signal: this.#io.signal,
    });
    this.#prepared.push(prepared);
    this.#server.bundles.link(prepared.digest, prepared.folder);
    const { revision } = await this.#client.putEndpoint(this.#ref, {
      artifact: { kind: "bundle", digest: prepared.digest },
      settings: { ...settings, runtime: prepared.runtime, idleTimeout: "never" },
    });
    const { failure } = await this.#client.settled(this.#ref, revision);
    if (failure?.revision === revision)
      throw new FaasError(failure.code, failure.detail, { extensions: { lastLogLines: failure.lastLogLines } });
    // Older ones drain, and nothing of them is needed when two more have come.
    while (this.#prepared.length > 3) await this.#prepared.shift()?.[Symbol.asyncDispose]();
  }
}

import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createIgnoreFilter } from "@faas/builder";
import { DEFAULT_PORT, FaasError } from "@faas/core";
import type { RequestReport, RunningServer } from "@faas/server";
import type { Command } from "commander";
import { type DevEvents, DevSession } from "../dev/session.ts";
import { watchFolder } from "../dev/watch-folder.ts";
import { integerOption } from "../options/settings-options.ts";
import { openProject } from "../project/project.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, printStatus, showError } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly port?: number;
}

/** The ports that are tried after the default one, so that several functions can be worked on. */
const NEXT_PORTS = 20;

export function define(command: Command, io: Io): void {
  command
    .argument("[dir]", "folder with the function (default that of faas.json, or this one)")
    .option(
      "--port <port>",
      `where it listens (default ${DEFAULT_PORT}, or the next that is free)`,
      integerOption(0, 65_535),
    )
    .addHelpText(
      "after",
      "\nWhat the function prints is on stdout, requests and reloads are on stderr. Ctrl-C ends it.",
    )
    .action(async (dir: string | undefined) => dev(dir, command.optsWithGlobals<Options>(), io));
}

async function dev(dir: string | undefined, { port, verbose = false }: Options, io: Io): Promise<void> {
  const { source } = await openProject(dir, io.cwd);
  if (!(await stat(source).catch(() => undefined))?.isDirectory())
    throw new FaasError("SOURCE_UNREADABLE", `Expected a folder with a function, and ${source} is none`);
  const dataDir = await mkdtemp(join(tmpdir(), "faas-dev-data-"));
  try {
    const server = await start(dataDir, port, (report) => printStatus(io, requestLine(report, io)));
    const session = new DevSession(source, server, io, events(source, verbose, io));
    try {
      await watch(source, io, () => void session.load());
      await session.load();
      if (!io.signal.aborted) await once(io.signal, "abort");
    } finally {
      await server.stop();
      await session[Symbol.asyncDispose]();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function start(
  dataDir: string,
  port: number | undefined,
  onRequest: (report: RequestReport) => void,
): Promise<RunningServer> {
  const { startServer } = await import("@faas/server");
  // One's own function on one's own machine: there is nobody to keep it from.
  const always = { dataDir, logLevel: "silent", onRequest, poolSize: 1, isolation: "off" } as const;
  const startOn = (tried: number) => startServer({ ...always, port: tried });
  if (port !== undefined) return startOn(port);
  for (let next = DEFAULT_PORT; next < DEFAULT_PORT + NEXT_PORTS; next++) {
    try {
      return await startOn(next);
    } catch (error) {
      if (!(error instanceof FaasError) || error.code !== "PORT_IN_USE") throw error;
    }
  }
  return startOn(0);
}

/** Calls back after every change of what would be deployed. */
async function watch(folder: string, io: Io, changed: () => void): Promise<void> {
  let ignored = createIgnoreFilter(folder);
  const failure = (cause: Error) =>
    new FaasError("SOURCE_UNREADABLE", `Cannot watch ${folder}: ${cause.message}`, { cause });
  await watchFolder(folder, {
    signal: io.signal,
    // Not deployed, but the values of secrets are in it.
    ignored: (path, isFolder) => path !== ".env" && ignored(path, isFolder),
    onChange: (paths) => {
      if ([...paths].some((path) => /^\.(git|faas)ignore$/.test(basename(path)))) ignored = createIgnoreFilter(folder);
      changed();
    },
    onError: (error) => showError(failure(error), io, false),
  }).catch((error) => {
    throw failure(error);
  });
}

function events(source: string, verbose: boolean, io: Io): DevEvents {
  const color = colors(io.stderr, io);
  return {
    registered: (url) => {
      io.stdout.write(`${url}\n`);
      printStatus(io, color.dim(`${source} answers there, and is loaded anew on every save; Ctrl-C ends it`));
    },
    installing: () => printStatus(io, color.dim("installing dependencies …")),
    loaded: (ms) => printStatus(io, color.dim(`loaded in ${Math.round(ms)} ms`)),
    unchanged: () => printStatus(io, color.dim("nothing changed")),
    failed: (error, before) => {
      showError(error, io, verbose);
      printStatus(
        io,
        color.dim(before ? "the code from before goes on serving" : "there is no code yet that can serve"),
      );
    },
    line: (text) => io.stdout.write(`${text}\n`),
  };
}

function requestLine({ method, path, status, durationMs, cold }: RequestReport, io: Io): string {
  const color = colors(io.stderr, io);
  const paint = status >= 500 ? color.red : status >= 400 ? color.yellow : color.green;
  const time = color.dim(new Date().toTimeString().slice(0, 8));
  return `${time} ${method} ${path} ${paint(String(status))} ${color.dim(`${durationMs.toFixed(1)} ms${cold ? ", waited for it to start" : ""}`)}`;
}

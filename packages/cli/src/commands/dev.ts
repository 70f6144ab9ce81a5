import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_PORT, type EndpointRef } from "@faas/core";
import type { RequestReport } from "@faas/server";
import type { Command } from "commander";
import { startLocalServer } from "../dev/local-server.ts";
import { PreparedFolders } from "../dev/prepared-folders.ts";
import { type DevEvents, DevSession, type DevSessionOptions } from "../dev/session.ts";
import { OutsideWatcher } from "../dev/watch-outside.ts";
import { watchSource } from "../dev/watch-source.ts";
import { warnOfOwnProjects } from "../functions/each-function.ts";
import { integerOption, optionWithLaterDefault } from "../options/value-parsers.ts";
import { openFunctions } from "../project/functions.ts";
import type { FoundProject } from "../project/project.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, printStatus, showError } from "../terminal/output.ts";
import { prefixedIo } from "../terminal/prefixed-io.ts";

interface Options extends GlobalOptions {
  readonly port?: number;
}

export function define(command: Command, io: Io): void {
  command
    .argument("[dir]", "Folder of the function (by default that of faas.json, else the current one)")
    .argument("[names...]", "Functions of a faas.json with several (by default those in the folder)")
    .addOption(
      optionWithLaterDefault("--port <port>", "Port to listen on", `${DEFAULT_PORT} or the next free one`).argParser(
        integerOption(0, 65_535),
      ),
    )
    .addHelpText(
      "after",
      "\nOutput of the function goes to stdout, requests and reloads go to stderr. Stop it with Ctrl-C.",
    )
    .action(async (dir: string | undefined, names: readonly string[]) =>
      dev(dir, names, command.optsWithGlobals<Options>(), io),
    );
}

/** Function that the command serves. */
interface Served {
  readonly folder: string;
  readonly among?: { readonly root: string; readonly name: string };
}

async function dev(dir: string | undefined, names: readonly string[], options: Options, io: Io): Promise<void> {
  const { port, verbose = false } = options;
  const { source, found, functions } = await openFunctions(dir, names, io.cwd);
  const all: readonly Served[] = functions?.map(({ name, folder }) => ({ folder, among: { root: source, name } })) ?? [
    { folder: source },
  ];
  if (functions && found) await warnOfOwnProjects(functions, found.path, io);
  const dataDir = await mkdtemp(join(tmpdir(), "faas-dev-data-"));
  try {
    const folderOf = ({ endpoint }: EndpointRef) =>
      functions ? functions.find(({ name }) => name === endpoint)?.folder : source;
    const server = await startLocalServer(dataDir, folderOf, port, (report) =>
      printStatus(functions ? prefixed(io, report.endpoint.split("/")[1]) : io, formatRequest(report, io)),
    );
    const preparedFolders = new PreparedFolders(server);
    const sessions = all.map((served) => startSession(served, { server, preparedFolders, io }, found, verbose));
    try {
      await Promise.all(sessions.map(async (session) => await (await session).load()));
      if (!io.signal.aborted) await once(io.signal, "abort");
    } finally {
      await server.stop();
      for (const session of await Promise.allSettled(sessions))
        if (session.status === "fulfilled") await session.value[Symbol.asyncDispose]();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Watches the files of a function; returns the session that loads it. */
async function startSession(
  { folder, among }: Served,
  { io, ...shared }: Pick<DevSessionOptions, "server" | "preparedFolders"> & { readonly io: Io },
  found: FoundProject | undefined,
  verbose: boolean,
): Promise<DevSession> {
  const { signal } = io;
  const own = among ? prefixed(io, among.name) : io;
  const onError = (error: unknown) => showError(error, own, false);
  const onChange = () => void session.load();
  const outside = new OutsideWatcher(folder, { signal, onError, onChange });
  const events = { ...eventPrinter(folder, verbose, own), used: (path: string) => outside.add(path) };
  const session = new DevSession({ ...shared, folder, io: own, events, ...(among ? { among } : {}) });
  await watchSource(folder, { signal, onError, onChange });
  if (found) outside.add(found.path);
  if (among) outside.add(join(among.root, ".env"));
  return session;
}

/** Returns an environment for one of several functions. */
const prefixed = (io: Io, name = "") => prefixedIo(io, name, (line) => printStatus(io, line));

function eventPrinter(source: string, verbose: boolean, io: Io): Omit<DevEvents, "used"> {
  const color = colors(io.stderr, io);
  return {
    registered: (url) => {
      io.stdout.write(`${url}\n`);
      printStatus(io, color.dim(`Serving ${source}, reloaded on every save. Stop with Ctrl-C`));
    },
    detected: (description) => printStatus(io, description),
    installing: () => printStatus(io, color.dim("installing dependencies …")),
    loaded: (ms) => printStatus(io, color.dim(`loaded in ${Math.round(ms)} ms`)),
    unchanged: () => printStatus(io, color.dim("nothing changed")),
    failed: (error, hasPrevious) => {
      if (error !== undefined) showError(error, io, verbose);
      printStatus(io, color.dim(hasPrevious ? "still serving the previous code" : "no code to serve yet"));
    },
    line: (text) => io.stdout.write(`${text}\n`),
  };
}

function formatRequest({ method, path, status, durationMs, cold }: RequestReport, io: Io): string {
  const color = colors(io.stderr, io);
  const paint = status >= 500 ? color.red : status >= 400 ? color.yellow : color.green;
  const time = color.dim(new Date().toTimeString().slice(0, 8));
  return `${time} ${method} ${path} ${paint(String(status))} ${color.dim(`${durationMs.toFixed(1)} ms${cold ? " (cold start)" : ""}`)}`;
}

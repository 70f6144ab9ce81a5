import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_PORT } from "@faas/core";
import type { RequestReport } from "@faas/server";
import type { Command } from "commander";
import { startLocalServer } from "../dev/local-server.ts";
import { type DevEvents, DevSession } from "../dev/session.ts";
import { OutsideWatcher } from "../dev/watch-outside.ts";
import { watchSource } from "../dev/watch-source.ts";
import { integerOption, optionWithLaterDefault } from "../options/value-parsers.ts";
import { openProject } from "../project/project.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, printStatus, showError } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly port?: number;
}

export function define(command: Command, io: Io): void {
  command
    .argument("[dir]", "Folder of the function (by default that of faas.json, else the current one)")
    .addOption(
      optionWithLaterDefault("--port <port>", "Port to listen on", `${DEFAULT_PORT} or the next free one`).argParser(
        integerOption(0, 65_535),
      ),
    )
    .addHelpText(
      "after",
      "\nOutput of the function goes to stdout, requests and reloads go to stderr. Stop it with Ctrl-C.",
    )
    .action(async (dir: string | undefined) => dev(dir, command.optsWithGlobals<Options>(), io));
}

async function dev(dir: string | undefined, { port, verbose = false }: Options, io: Io): Promise<void> {
  const { source } = await openProject(dir, io.cwd);
  const dataDir = await mkdtemp(join(tmpdir(), "faas-dev-data-"));
  try {
    const server = await startLocalServer(dataDir, source, port, (report) =>
      printStatus(io, formatRequest(report, io)),
    );
    const { signal } = io;
    const onError = (error: unknown) => showError(error, io, false);
    const outside = new OutsideWatcher(source, { signal, onError, onChange: () => void session.load() });
    const events = { ...eventPrinter(source, verbose, io), used: (path: string) => outside.add(path) };
    const session = new DevSession({ folder: source, server, io, events });
    try {
      await watchSource(source, {
        signal,
        onError,
        onChange: () => void session.load(),
      });
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

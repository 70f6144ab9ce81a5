import { DEFAULT_PORT, FaasError } from "@faas/core";
import { type Command, Option } from "commander";
import { dataFolder } from "../data-folder.ts";
import { type ServerReport, startDetached } from "../detached-server.ts";
import type { GlobalOptions, Io } from "../io.ts";
import { say } from "../output.ts";
import { whole } from "../settings-options.ts";

interface Options extends GlobalOptions {
  readonly port: number;
  readonly host: string;
  readonly data?: string;
  readonly detach?: boolean;
}

export function define(command: Command, io: Io): void {
  command
    .option("--port <port>", "port to listen on; 0 takes a free one", whole(0, 65_535), DEFAULT_PORT)
    .option("--host <address>", "address to listen on; 0.0.0.0 for all", "127.0.0.1")
    .option("--data <dir>", "folder of state, bundles and logs (or FAAS_DATA; default ~/.local/share/faas)")
    .addOption(new Option("--platform <platform>", "what runs the replicas").choices(["embedded"]).default("embedded"))
    .option("--detach", "run in the background, and return when it takes requests")
    .addHelpText(
      "after",
      "\nCtrl-C stops it: requests in flight are finished first, and a second Ctrl-C ends it at once.",
    )
    .action(async () => up(command.optsWithGlobals<Options>(), io));
}

async function up(options: Options, io: Io): Promise<void> {
  const dataDir = dataFolder(options.data, io.env as NodeJS.ProcessEnv);
  if (options.detach) return detach(options, dataDir, io);
  const { startServer } = await import("@faas/server");
  const { host, port } = options;
  const server = await startServer({ host, port, dataDir }).catch((error) => {
    report({ failed: { code: error.code ?? "INTERNAL", message: error.message } });
    throw error;
  });
  io.stdout.write(`${server.url}\n`);
  say(io, `faas listens on ${server.url}, data in ${server.dataDir}; Ctrl-C stops it`);
  report({ url: server.url });
  if (!io.signal.aborted) await new Promise((ended) => io.signal.addEventListener("abort", ended, { once: true }));
  say(io, "stopping: finishing what is in flight");
  await server.stop();
}

/** To the process that started this one in the background, if there is one. */
function report(message: ServerReport): void {
  if (!process.connected) return;
  process.send?.(message);
  process.disconnect?.();
}

async function detach({ host, port }: Options, dataDir: string, io: Io): Promise<void> {
  const args = ["--host", host, "--port", String(port), "--data", dataDir];
  const server = await startDetached(args, dataDir, io.signal).catch((error) => {
    if (!(error instanceof FaasError) || error.code !== "PORT_IN_USE") throw error;
    throw new FaasError(error.code, error.message, { extensions: { hint: `faas up --detach --port ${port + 1}` } });
  });
  io.stdout.write(`${server.url}\n`);
  say(io, `faas runs in the background, process ${server.pid}; its log is ${server.logFile}; "faas down" stops it`);
}

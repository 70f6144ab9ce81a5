import { once } from "node:events";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { FaasError, type Logger, parseDuration } from "@faas/core";
import { connectionLimits } from "../options/connection-limits.ts";
import { tlsFiles } from "../options/tls-files.ts";
import type { Io } from "../terminal/io.ts";
import { version } from "../version.ts";
import { createView } from "./create-view.ts";
import type { GatewayOptions } from "./options.ts";
import { type ParentProcess, parentProcess } from "./parent-process.ts";

/** Runs a gateway until it is interrupted, or its parent process stops it. */
export async function runGateway(options: GatewayOptions, io: Io): Promise<void> {
  const { jsonLog } = await import("@faas/gateway");
  const { name, logLevel } = options;
  const log = jsonLog((line) => io.stderr.write(line), logLevel, { gateway: name });
  const parent = parentProcess();
  try {
    const { gateway, connected } = await start(options, log, parent, io);
    const idleMs = await untilStopped(options, parent, io);
    await gateway.stop({ idleMs, finishMs: parseDuration(options.finish) as number });
    await connected[Symbol.asyncDispose]();
    log.info("stopped");
  } catch (error) {
    if (error instanceof FaasError) parent?.report({ type: "failed", code: error.code, message: error.message });
    throw error;
  } finally {
    parent?.disconnect();
  }
}

async function start(options: GatewayOptions, log: Logger, parent: ParentProcess | undefined, io: Io) {
  const { inheritedSocket, openTracing, parseControlAddress, startGatewayProcess } = await import("@faas/gateway");
  const { name, control, host, port, reusePort, accessLog } = options;
  const tokenFile = options.gatewayTokenFile === undefined ? undefined : resolve(io.cwd, options.gatewayTokenFile);
  // Read for each request: the file is replaced when the token is.
  const token = tokenFile === undefined ? undefined : () => readFileSync(tokenFile, "utf8").trim();
  const connected = await createView(options, { tokenFile, token, env: io.env, log });
  const { view } = connected;
  const ready = connected.ready();
  const tracing = await openTracing(io.env, { service: "faas", version, instance: name }, log);
  try {
    const gateway = await startGatewayProcess({
      ...{ name, version, view, ready, token, host, port, reusePort, tracing, log },
      control: parseControlAddress(control),
      socket: inheritedSocket(process.env),
      tls: tlsFiles(options, io.cwd),
      connections: connectionLimits(options),
      accessLog: accessLog === "on",
    });
    log.info({ host, port: gateway.port }, "listening");
    void ready.then(() => parent?.report({ type: "ready", port: gateway.port }));
    parent?.onAlone(() => gateway.distributeConnections());
    return { gateway, connected };
  } catch (error) {
    await connected[Symbol.asyncDispose]();
    throw error;
  }
}

/** Resolves with the time for idle connections when the gateway has to stop. */
async function untilStopped(
  { drain }: GatewayOptions,
  parent: ParentProcess | undefined,
  { signal }: Io,
): Promise<number> {
  const interrupted = signal.aborted ? Promise.resolve() : once(signal, "abort");
  const ownMs = interrupted.then(() => parseDuration(drain) as number);
  return parent === undefined ? ownMs : Promise.race([ownMs, parent.stopped]);
}

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Predecessor } from "../options.ts";
import { GatewayRecords, isRunning, type OrphanGateway } from "./gateway-records.ts";

/** Time for a gateway to drain before it is killed. */
const EXIT_MS = 20_000;
const POLL_MS = 50;

/** Folder for the records of gateways in a data folder. */
export const recordsFolder = (dataDir: string): string => join(dataDir, "gateways");

/** Returns what a killed server left running: gateways that still serve calls, with its replicas. `undefined` without gateways. */
export function killedPredecessor(dataDir: string): Predecessor | undefined {
  const [orphan] = new GatewayRecords(recordsFolder(dataDir)).running();
  return orphan && { port: orphan.port, workDir: orphan.workDir, replicas: [] };
}

/** Makes the gateways of another server, which was killed, drain; resolves when they have exited. */
export async function endOrphanGateways(dataDir: string, ownWorkDir: string): Promise<void> {
  const orphans = new GatewayRecords(recordsFolder(dataDir)).running().filter(({ workDir }) => workDir !== ownWorkDir);
  await Promise.all(orphans.map(endOrphan));
}

async function endOrphan(orphan: OrphanGateway): Promise<void> {
  signal(orphan, "SIGTERM");
  const deadline = performance.now() + EXIT_MS;
  // It is not a child of this process, so nothing reports its exit.
  while (isRunning(orphan) && performance.now() < deadline) await delay(POLL_MS);
  signal(orphan, "SIGKILL");
}

function signal(orphan: OrphanGateway, name: NodeJS.Signals): void {
  if (!isRunning(orphan)) return;
  try {
    process.kill(orphan.pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

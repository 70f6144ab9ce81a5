import { setTimeout as delay } from "node:timers/promises";
import { type EndpointRef, LOADING_REPORT_SECONDS, loadingLocation } from "@faas/core";
import type { Client } from "../client/client.ts";

/** Seconds before the first report, so that a normal deployment does not read logs. */
const HEAD_START_SECONDS = 2;

/**
 * Follows the log of a revision that does not become ready, and reports where its code is, for an endless loop for instance.
 *
 * @param onLocation receives file and line, once
 */
export async function followLoading(
  client: Client,
  ref: EndpointRef,
  revision: string,
  signal: AbortSignal,
  onLocation: (location: string) => void,
): Promise<void> {
  try {
    await delay((LOADING_REPORT_SECONDS - HEAD_START_SECONDS) * 1000, undefined, { signal });
    const lines: string[] = [];
    for await (const line of client.withSignal(signal).logs(ref, { follow: "true", since: "1m" })) {
      if (line.revision !== revision) continue;
      lines.push(line.line);
      const location = loadingLocation(lines);
      if (location !== undefined) return onLocation(location);
    }
  } catch {
    // The revision is ready or has failed. A failure to read logs does not matter to the deployment.
  }
}

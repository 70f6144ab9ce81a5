import { readFileSync } from "node:fs";
import { formatSize } from "@faas/core";
import { probeReady } from "../common/ready-probe.ts";
import type { ProcessEnd } from "./exit-reason.ts";

/** Milliseconds between two probes of a replica. */
const PROBE_INTERVAL_MS = 5_000;
/** Milliseconds to wait for the response to a probe, in addition to the endpoint's timeout. */
const PROBE_GRACE_MS = 5_000;
/** Bytes of a page (proc(5)). */
const PAGE_BYTES = 4096;

/** Returns the failure of a process that has more memory resident than its limit. */
export function memoryFailure(pid: number | undefined, limitBytes: number): ProcessEnd | undefined {
  const bytes = pid === undefined ? undefined : residentBytes(pid);
  if (bytes === undefined || bytes <= limitBytes) return undefined;
  const used = formatSize(Math.ceil(bytes / 2 ** 20) * 2 ** 20);
  const limit = formatSize(limitBytes);
  return {
    code: "OUT_OF_MEMORY",
    detail: `The function used ${used} of memory, more than its limit of ${limit}; deploy it with a larger --memory`,
  };
}

/** Reads the resident memory of a process (proc(5), second field of statm); undefined on a system without /proc. */
function residentBytes(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
  } catch {
    return undefined;
  }
}

/** Probes whether a replica still responds. */
export class Liveness {
  readonly #socketPath: string;
  readonly #responseTimeoutMs: number;
  #lastProbeMs: number;
  /** Time of the probe whose response is awaited. */
  #awaitedSinceMs: number | undefined;

  /** @param startedMs start of the replica, which spreads the probes of many replicas over time */
  constructor(socketPath: string, timeoutMs: number, startedMs: number) {
    this.#socketPath = socketPath;
    this.#responseTimeoutMs = timeoutMs + PROBE_GRACE_MS;
    this.#lastProbeMs = startedMs;
  }

  /** Sends a probe if one is due. Returns the failure of a replica that has not responded to one. */
  check(nowMs: number): ProcessEnd | undefined {
    if (this.#awaitedSinceMs === undefined) {
      if (nowMs - this.#lastProbeMs >= PROBE_INTERVAL_MS) this.#probe(nowMs);
      return undefined;
    }
    const waitedMs = nowMs - this.#awaitedSinceMs;
    if (waitedMs <= this.#responseTimeoutMs) return undefined;
    const seconds = Math.round(waitedMs / 1000);
    return { code: "REPLICA_FAILED", detail: `The function's process did not respond for ${seconds} s and was ended` };
  }

  #probe(nowMs: number): void {
    this.#lastProbeMs = nowMs;
    this.#awaitedSinceMs = nowMs;
    probeReady({ socketPath: this.#socketPath }, AbortSignal.timeout(this.#responseTimeoutMs))
      .then(() => (this.#awaitedSinceMs = undefined))
      .catch(() => {});
  }
}

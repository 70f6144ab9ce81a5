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

/** Returns the failure of a replica with more resident memory than its limit. */
export function memoryFailure(bytes: number, limitBytes: number): ProcessEnd | undefined {
  if (bytes <= limitBytes) return undefined;
  const used = formatSize(Math.ceil(bytes / 2 ** 20) * 2 ** 20);
  const limit = formatSize(limitBytes);
  return {
    code: "OUT_OF_MEMORY",
    detail: `The function used ${used} of memory, more than its limit of ${limit}; deploy it with a larger --memory`,
  };
}

/** Returns the resident memory of processes. Memory that they share counts once. */
export function residentBytes(pids: readonly (number | undefined)[]): number {
  let bytes = 0;
  let shared = 0;
  for (const pid of pids) {
    const { resident, ofFiles } = pid === undefined ? NO_MEMORY_USE : memoryOf(pid);
    bytes += resident - ofFiles;
    shared = Math.max(shared, ofFiles);
  }
  return bytes + shared;
}

const NO_MEMORY_USE = { resident: 0, ofFiles: 0 };

/** Reads the resident memory of a process, and its part of files and shared memory (proc(5), statm); none on a system without /proc. */
function memoryOf(pid: number): { readonly resident: number; readonly ofFiles: number } {
  try {
    const [, resident, ofFiles] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ").map(Number);
    return { resident: (resident ?? 0) * PAGE_BYTES, ofFiles: (ofFiles ?? 0) * PAGE_BYTES };
  } catch {
    return NO_MEMORY_USE;
  }
}

/** Probes whether a replica still responds. */
export class Liveness {
  readonly #send: (signal: AbortSignal) => Promise<unknown> | undefined;
  readonly #responseTimeoutMs: number;
  #lastProbeMs: number;
  /** Time of the probe whose response is awaited. */
  #awaitedSinceMs: number | undefined;

  /**
   * @param to socket of a wrapper, or function that sends a probe to a server
   * @param startedMs start of the replica, which spreads the probes of many replicas over time
   */
  constructor(to: string | (() => Promise<unknown> | undefined), timeoutMs: number, startedMs: number) {
    this.#send = typeof to === "string" ? (signal) => probeReady({ socketPath: to }, signal) : to;
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
    this.#send(AbortSignal.timeout(this.#responseTimeoutMs))
      ?.then(() => (this.#awaitedSinceMs = undefined))
      .catch(() => {});
  }
}

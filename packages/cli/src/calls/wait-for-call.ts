import { setTimeout as sleep } from "node:timers/promises";
import type { AsyncCall } from "@faas/core";
import { asyncCall, asyncCallChanges, type CallRef } from "../client/async-calls.ts";
import type { Client } from "../client/client.ts";
import { isTemporary } from "../client/temporary-errors.ts";
import type { Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { callKey } from "./call-ref.ts";

/** Longest wait of one request. */
const MAX_WAIT_MS = 60_000;
/** Time after which a server that is down is asked again. */
const RETRY_MS = 1_000;

/** Returns true for a call that has ended, until it is retried. */
export const hasEnded = ({ state }: Pick<AsyncCall, "state">): boolean => state === "completed" || state === "failed";

/**
 * Waits until a call has ended, also over restarts of the server. Returns its state then, or that at the end of the time.
 *
 * @param timeoutMs Infinity: no limit
 */
export async function waitForCall(client: Client, ref: CallRef, timeoutMs: number, io: Io): Promise<AsyncCall> {
  const deadline = performance.now() + timeoutMs;
  const outage = new Outage(io);
  try {
    // The first request does not wait: if it fails, that is more likely a mistake than a restart.
    let call: AsyncCall | undefined = await asyncCall(client, ref);
    for (;;) {
      if (call !== undefined) outage.ended();
      const leftMs = deadline - performance.now();
      if (call !== undefined && (hasEnded(call) || leftMs <= 0)) return call;
      const wait = `${Math.max(0, Math.min(MAX_WAIT_MS, Math.ceil(leftMs)))}ms`;
      call = await asyncCall(client, ref, wait).catch((error) => outage.pause(error));
    }
  } catch (error) {
    if (io.signal.aborted) printStatus(io, `The call continues. ${whereToLook(ref)}`);
    throw error;
  }
}

/** Yields the states of a call until it has ended, also over restarts of the server. */
export async function* followCall(client: Client, ref: CallRef, io: Io): AsyncGenerator<AsyncCall> {
  const outage = new Outage(io);
  while (!io.signal.aborted) {
    try {
      for await (const call of asyncCallChanges(client, ref)) {
        outage.ended();
        yield call;
        if (hasEnded(call)) return;
      }
      await sleep(RETRY_MS, undefined, { signal: io.signal });
    } catch (error) {
      await outage.pause(error);
    }
  }
}

/** Returns the commands that show the state and the response of a call. */
export const whereToLook = (ref: CallRef): string =>
  `See "faas calls show ${callKey(ref)}" and "faas calls response ${callKey(ref)} --wait".`;

/** Time in which the server is down. */
class Outage {
  readonly #io: Io;
  #wasConnected = false;
  #isReported = false;

  constructor(io: Io) {
    this.#io = io;
  }

  /** Pauses after the error of a server that is down. Throws any other error, and that of the first request, which is more likely a mistake. */
  async pause(error: unknown): Promise<undefined> {
    if (this.#io.signal.aborted || !this.#wasConnected || !isTemporary(error)) throw error;
    if (!this.#isReported) printStatus(this.#io, "connection lost, will retry");
    this.#isReported = true;
    await sleep(RETRY_MS, undefined, { signal: this.#io.signal });
  }

  ended(): void {
    this.#wasConnected = true;
    this.#isReported = false;
  }
}

import { logError } from "../log-error.ts";

/** Promises of `waitUntil` that are pending. */
const pending = new Set<Promise<unknown>>();

/** Makes a drain wait for work that continues after its response. A failure is logged. */
export function addBackgroundWork(work: unknown, requestId: string): void {
  const settled: Promise<unknown> = Promise.resolve(work)
    .catch((error) => logError(error, requestId, "waitUntil"))
    .then(() => pending.delete(settled));
  pending.add(settled);
}

/** Waits until no work is left, including work that is added meanwhile. */
export async function whenBackgroundWorkDone(): Promise<void> {
  while (pending.size > 0) await Promise.all(pending);
}

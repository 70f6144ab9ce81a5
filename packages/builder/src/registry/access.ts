import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import { type Answer, askRegistry, denied, type RegistryAccess, wordsOf } from "./client.ts";

/** Waits between tries: a registry that fails for a moment has time to recover, and a user does not wait long. */
export const RETRY_MS = [500, 2_000];

/**
 * Whether the registry would take an image: asked before the push, because an engine that is refused tries again for a minute before
 * it says so. Begins an upload and gives it up (OCI distribution specification, "Pushing blobs"). A registry that cannot be asked from
 * here may be reached by the engine all the same. REGISTRY_DENIED; PUSH_FAILED after the third time that it fails.
 */
export async function checkPushAccess(access: RegistryAccess): Promise<void> {
  const { host, repository, signal } = access;
  const path = `/v2/${repository}/blobs/uploads/`;
  for (let tries = 0; ; tries++) {
    let answer: Answer;
    try {
      answer = await askRegistry(access, { method: "POST", path });
    } catch {
      signal?.throwIfAborted();
      return;
    }
    const { status, headers } = answer;
    if (status === 202 && headers.location) {
      const { pathname, search } = new URL(headers.location, `http://${host}`);
      const given = { method: "DELETE", path: pathname + search } as const;
      // Else the registry forgets it by itself.
      await askRegistry(access, given).catch(() => {});
    }
    if (status === 401 || status === 403) throw denied(access, wordsOf(answer));
    if (status < 500 && status !== 429) return;
    const pause = RETRY_MS[tries];
    if (pause === undefined) {
      const detail = `The registry ${host} takes no images now, tried ${tries + 1} times: ${wordsOf(answer)}`;
      throw new FaasError("PUSH_FAILED", detail);
    }
    await delay(pause, undefined, signal ? { signal } : {});
  }
}

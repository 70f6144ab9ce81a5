import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import { registryMessage } from "./api/registry-message.ts";
import type { RegistryResponse } from "./api/transport.ts";
import { accessDenied, type RegistryAccess, requestRegistry } from "./client.ts";

/** Delays between attempts: long enough for a registry to recover from a short failure, short enough for a user. */
export const RETRY_DELAYS_MS = [500, 2_000];

/**
 * Checks that the registry accepts a push, because the engine retries a denied one for a minute before it reports the reason. Begins an upload
 * and cancels it (OCI distribution specification, "Pushing blobs"). Succeeds for a registry that is unreachable from this process: the
 * engine may be able to reach it.
 *
 * @throws REGISTRY_DENIED
 * @throws PUSH_FAILED after the third failure
 */
export async function checkPushAccess(access: RegistryAccess): Promise<void> {
  const { host, repository, signal } = access;
  const path = `/v2/${repository}/blobs/uploads/`;
  for (let retries = 0; ; retries++) {
    let response: RegistryResponse;
    try {
      response = await requestRegistry(access, { method: "POST", path });
    } catch {
      signal?.throwIfAborted();
      return;
    }
    const { status, headers } = response;
    if (status === 202 && headers.location) {
      const { pathname, search } = new URL(headers.location, `http://${host}`);
      // If this fails, the registry discards the upload after a while.
      await requestRegistry(access, { method: "DELETE", path: pathname + search }).catch(() => {});
    }
    if (status === 401 || status === 403) throw accessDenied(access, registryMessage(response));
    if (status < 500 && status !== 429) return;
    const delayMs = RETRY_DELAYS_MS[retries];
    if (delayMs === undefined) {
      const detail = `The registry ${host} currently rejects pushes, tried ${retries + 1} times: ${registryMessage(response)}`;
      throw new FaasError("PUSH_FAILED", detail);
    }
    await delay(delayMs, undefined, signal ? { signal } : {});
  }
}

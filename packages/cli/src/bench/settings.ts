import { type EndpointRef, endpointKey, FaasError, parseArtifact, type Settings } from "@faas/core";
import type { Client } from "../client/client.ts";
import type { Io } from "../terminal/io.ts";

const RESTORE_MS = 30_000;

export interface ChangingEndpoint {
  /** Its settings as they were, and as they will be. */
  readonly before: Settings;
  /** Changes them, and waits until they are served. */
  put(settings: Settings): Promise<void>;
}

/** Gives an endpoint other settings for an experiment, and its own back afterwards: after an error, and after Ctrl-C, too. */
export async function changingEndpoint(
  client: Client,
  ref: EndpointRef,
  io: Io,
  experiment: (endpoint: ChangingEndpoint) => Promise<void>,
): Promise<void> {
  const { settings: before, image } = await client.endpoint(ref);
  const artifact = parseArtifact(image);
  if (!artifact)
    throw new FaasError("USAGE", `${endpointKey(ref)} has an artifact that cannot be deployed again: ${image}`);
  const put = async (settings: Settings, by = client) => {
    const { revision } = await by.putEndpoint(ref, { artifact, settings });
    await by.waitForRollout(ref, revision);
  };
  try {
    await experiment({ before, put });
  } catch (error) {
    // What Ctrl-C cut off is no error: what was measured is shown.
    if (!io.signal.aborted) throw error;
  } finally {
    // Also when Ctrl-C ended what this client asks.
    await put(before, client.withSignal(AbortSignal.timeout(RESTORE_MS)));
  }
}

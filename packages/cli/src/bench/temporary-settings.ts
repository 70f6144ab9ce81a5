import { type EndpointRef, endpointKey, FaasError, parseArtifact, type Settings } from "@faas/core";
import type { Client } from "../client/client.ts";
import type { Io } from "../terminal/io.ts";

const RESTORE_TIMEOUT_MS = 30_000;

interface ChangeableEndpoint {
  /** Settings before the experiment, which are restored after it. */
  readonly original: Settings;
  /** Changes the settings and waits until they are in effect. */
  change(settings: Settings): Promise<void>;
}

/** Runs an experiment that changes an endpoint's settings, and restores them afterwards, also after an error or Ctrl-C. */
export async function withTemporarySettings(
  client: Client,
  ref: EndpointRef,
  io: Io,
  experiment: (endpoint: ChangeableEndpoint) => Promise<void>,
): Promise<void> {
  const { settings: original, image } = await client.endpoint(ref);
  const artifact = parseArtifact(image);
  if (!artifact) throw new FaasError("USAGE", `The artifact of ${endpointKey(ref)} cannot be deployed again: ${image}`);
  const put = async (settings: Settings, through: Client) => {
    const { revision } = await through.putEndpoint(ref, { artifact, settings });
    await through.waitForRollout(ref, revision);
  };
  try {
    await experiment({ original, change: (settings) => put(settings, client) });
  } catch (error) {
    // After Ctrl-C the results until then are shown.
    if (!io.signal.aborted) throw error;
  } finally {
    // With a signal of its own, because Ctrl-C aborted the client's.
    await put(original, client.withSignal(AbortSignal.timeout(RESTORE_TIMEOUT_MS)));
  }
}

import type { EndpointRef, SettingsInput } from "@faas/core";
import type { Client } from "../client/client.ts";
import type { Io } from "../terminal/io.ts";

const RESTORE_TIMEOUT_MS = 30_000;

interface ChangeableEndpoint {
  /** Changes settings from those before the experiment, and waits until they are in effect. */
  change(settings: SettingsInput): Promise<void>;
}

/** Runs an experiment that changes an endpoint's settings, and restores them afterwards, also after an error or Ctrl-C. */
export async function withTemporarySettings(
  client: Client,
  ref: EndpointRef,
  io: Io,
  experiment: (endpoint: ChangeableEndpoint) => Promise<void>,
): Promise<void> {
  const original = (await client.settings(ref)).set as SettingsInput;
  const put = async (settings: SettingsInput, through: Client) => {
    const { revision } = await through.putEndpoint(ref, { settings: { ...original, ...settings }, reset: true });
    await through.waitForRollout(ref, revision);
  };
  try {
    await experiment({ change: (settings) => put(settings, client) });
  } catch (error) {
    // After Ctrl-C the results until then are shown.
    if (!io.signal.aborted) throw error;
  } finally {
    // With a signal of its own, because Ctrl-C aborted the client's.
    await put({}, client.withSignal(AbortSignal.timeout(RESTORE_TIMEOUT_MS)));
  }
}

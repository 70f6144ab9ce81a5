import {
  changeSettings,
  type EndpointRef,
  FaasError,
  type Revision,
  type SettingsChange,
  type SettingsInput,
  setSettings,
} from "@faas/core";
import type { Client } from "../client/client.ts";

/**
 * Returns the settings that an endpoint will have after a change, without what a build detects: a build of the code has to follow them.
 */
export async function settingsAfter(change: SettingsChange, ref: EndpointRef, client: Client): Promise<SettingsInput> {
  const before = change.reset ? undefined : await settingsOf(ref, client);
  return setSettings(changeSettings(before, { ...change, detected: {} }));
}

/** Returns the settings of an endpoint; undefined when there is no such endpoint. */
async function settingsOf(ref: EndpointRef, client: Client): Promise<Pick<Revision, "settings" | "set"> | undefined> {
  try {
    return (await client.settings(ref)) as Pick<Revision, "settings" | "set">;
  } catch (error) {
    const isMissing = error instanceof FaasError && ["ENDPOINT_NOT_FOUND", "ORG_NOT_FOUND"].includes(error.code);
    if (isMissing) return undefined;
    throw error;
  }
}

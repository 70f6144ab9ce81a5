import { setTimeout as delay } from "node:timers/promises";
import type { EndpointRef } from "@faas/core";

/** Milliseconds for which a replica that is no longer listed still accepts requests, for those that were sent to it just before. */
const DRAIN_DELAY_MS = 100;

/** Resolves when no new request is on its way to a replica that is no longer listed. */
export type CallsRedirected = (ref: EndpointRef, replica: string) => Promise<unknown>;

/** @param confirmed resolves when the gateways in other processes send it no more; the gateway in this process needs no confirmation */
export const callsRedirected =
  (confirmed?: CallsRedirected): CallsRedirected =>
  (ref, replica) =>
    Promise.all([delay(DRAIN_DELAY_MS), confirmed?.(ref, replica)]);

import { join } from "node:path";
import type { EndpointSpec, Logger } from "@faas/core";
import type { EndpointRegistry } from "@faas/gateway";
import type { Deliver } from "../async-calls/deliveries.ts";
import type { DisposerStack } from "../lib/disposer-stack.ts";
import type { Store } from "../state/store.ts";
import { SigningKeys } from "./signing-keys.ts";
import { urlDeliverer } from "./url-deliverer.ts";

interface DestinationsContext {
  readonly dataDir: string;
  readonly store: Pick<Store, "org" | "subscribe">;
  readonly lock: { verify(): Promise<void> };
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly log: Logger;
  readonly stack: DisposerStack;
  readonly role: DisposerStack;
}

/** Parts of the server that pass calls on to URLs. */
export interface Destinations {
  readonly signingKeys: SigningKeys;
  readonly deliverToUrl: Deliver;
}

/** Timeout of calls of an endpoint that was removed. */
const TIMEOUT_MS = 30_000;

/** Opens the signing keys, which are removed with their organizations, and creates the way to URLs. */
export function openDestinations(context: DestinationsContext): Destinations {
  const { dataDir, store, lock, registry, log, stack, role } = context;
  const signingKeys = new SigningKeys({
    folder: join(dataDir, "signing-keys"),
    createdAtOf: (org) => store.org(org)?.createdAt,
    assertLockHeld: () => lock.verify(),
  });
  stack.share(signingKeys, role);
  const unsubscribe = store.subscribe((change) => {
    const { org } = change;
    if (org === undefined || change.endpoint !== undefined || change.record !== null) return;
    signingKeys.remove(org).catch((err) => log.error({ err, org }, "failed to remove a signing key"));
  });
  stack.defer(unsubscribe);
  const deliverToUrl = urlDeliverer({
    allowedOf: (org) => store.org(org)?.limits?.destinations ?? [],
    keysOf: (org) => signingKeys.keysOf(org),
    timeoutOf: (key) => registry.get(key)?.spec.timeoutMs ?? TIMEOUT_MS,
  });
  return { signingKeys, deliverToUrl };
}

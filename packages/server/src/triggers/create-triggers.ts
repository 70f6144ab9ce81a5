import type { Logger, Platform } from "@faas/core";
import type { AsyncCallAcceptor } from "@faas/gateway";
import type { Store } from "../state/store.ts";
import { EventService } from "./events/event-service.ts";
import { HookSecrets } from "./hooks/hook-secrets.ts";
import { HookService } from "./hooks/hook-service.ts";

export interface TriggersContext {
  readonly store: Store;
  readonly platform: Platform;
  readonly asyncCalls: AsyncCallAcceptor;
  readonly log: Logger;
}

/** Creates the services that make requests from outside asynchronous calls. */
export function createTriggers({ store, platform, asyncCalls, log }: TriggersContext) {
  const secrets = new HookSecrets({ store, platform, log });
  return {
    hooks: new HookService({ store, secrets, asyncCalls }),
    cloudEvents: new EventService({ store, asyncCalls }),
  };
}

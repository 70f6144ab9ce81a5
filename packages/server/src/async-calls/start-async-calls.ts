import {
  type AsyncPolicy,
  asyncPolicy,
  type EndpointSpec,
  endpointKey,
  type LimitNumbers,
  type Logger,
} from "@faas/core";
import type { EndpointRegistry } from "@faas/gateway";
import type { ServerEvents } from "../events/server-events.ts";
import type { DisposerStack } from "../lib/disposer-stack.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Queue } from "../queue/queue.ts";
import type { Store } from "../state/store.ts";
import { AsyncCallMetrics } from "./async-call-metrics.ts";
import { AsyncCallService } from "./async-call-service.ts";
import { type Deliver, Deliveries } from "./deliveries.ts";

interface DeliveriesContext extends AsyncCallsContext {
  readonly metrics: Pick<Metrics, "registry">;
  readonly events: Pick<ServerEvents, "callFailed">;
}

export interface AsyncCallsContext {
  readonly queue: Queue;
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly store: Pick<Store, "subscribe">;
  readonly limitsOf: (org: string) => LimitNumbers;
  readonly log: Logger;
  readonly stack: DisposerStack;
  readonly role: DisposerStack;
}

/** Most calls of one endpoint that are delivered at the same time. */
const MAX_WINDOW = 256;

/** Creates the service for asynchronous calls. Those of endpoints and organizations that are removed are removed too. */
export function createAsyncCalls(context: AsyncCallsContext): AsyncCallService {
  const { queue, registry, store, limitsOf, log, stack, role } = context;
  const service = new AsyncCallService({
    queue,
    limitsOf,
    policyOf: policyOf(registry),
    revisionOf: (key) => registry.get(key)?.spec.revision,
  });
  stack.share(service, role);
  const remove = async (org: string, endpoint: string | undefined) => {
    try {
      if (endpoint === undefined) await queue.dropGroup(org);
      else await service.dropEndpoint({ org, endpoint });
    } catch (err) {
      log.error({ err, org, endpoint }, "failed to remove the asynchronous calls of what was removed");
    }
  };
  stack.defer(
    store.subscribe((change) => {
      if (change.record === null && change.org !== undefined) void remove(change.org, change.endpoint);
    }),
  );
  return service;
}

/** Starts to deliver asynchronous calls. */
export function startDeliveries(context: DeliveriesContext, deliver: Deliver): void {
  const { queue, registry, store, limitsOf, metrics, events, log, stack, role } = context;
  const counts = new AsyncCallMetrics(queue, [metrics.registry]);
  stack.defer(
    store.subscribe(({ record, ...ref }) => {
      if (record === null && "endpoint" in ref && ref.endpoint !== undefined) counts.forget(endpointKey(ref));
    }),
  );
  const deliveries = new Deliveries({
    ...{ queue, deliver, log, policyOf: policyOf(registry) },
    windowOf(key) {
      const { maxReplicas = 1, concurrency = 1 } = registry.get(key)?.spec ?? {};
      // Half of a replica's slots are for synchronous calls.
      return Math.min(MAX_WINDOW, maxReplicas * Math.ceil(concurrency / 2));
    },
    onOutcome({ topic, id, attempt, response: { status, from } }, outcome) {
      counts.record(topic, outcome);
      const [org = "", endpoint = ""] = topic.split("/");
      const known = from === "function" ? { status } : {};
      if (outcome.type === "dead") events.callFailed({ org, endpoint }, { id, attempts: attempt, ...known });
    },
    orgWindowOf: (org) => Math.max(1, Math.floor(limitsOf(org).concurrentRequests / 2)),
  });
  stack.share(deliveries, role);
  deliveries.start();
}

/** Returns the rules for the calls of an endpoint, which are read for every call. */
function policyOf(registry: EndpointRegistry<EndpointSpec>): (key: string) => AsyncPolicy {
  const policies = new WeakMap<object, AsyncPolicy>();
  const byDefault = asyncPolicy();
  return (key) => {
    const settings = registry.get(key)?.spec.async;
    if (settings === undefined) return byDefault;
    let policy = policies.get(settings);
    if (policy === undefined) {
      policy = asyncPolicy(settings);
      policies.set(settings, policy);
    }
    return policy;
  };
}

import {
  type AsyncPolicy,
  asyncPolicy,
  type EndpointSpec,
  endpointRef,
  type LimitNumbers,
  type Logger,
} from "@faas/core";
import type { EndpointRegistry, NewAsyncCall } from "@faas/gateway";
import { endpointOfTopic, isUrlTopic } from "../destinations/destination-topic.ts";
import { type Destinations, openDestinations } from "../destinations/open-destinations.ts";
import { passOn } from "../destinations/pass-on.ts";
import type { ServerEvents } from "../events/server-events.ts";
import type { DisposerStack } from "../lib/disposer-stack.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Queue } from "../queue/queue.ts";
import type { Store } from "../state/store.ts";
import { AsyncCallMetrics } from "./async-call-metrics.ts";
import { AsyncCallService } from "./async-call-service.ts";
import { type Deliver, Deliveries, type DeliveriesOptions } from "./deliveries.ts";

/** Service for asynchronous calls, and the parts that pass them on. */
export interface AsyncCalls extends Destinations {
  readonly asyncCalls: AsyncCallService;
}

interface DeliveriesContext
  extends Pick<AsyncCallsContext, "queue" | "registry" | "store" | "limitsOf" | "log" | "stack" | "role">,
    Pick<AsyncCalls, "asyncCalls" | "deliverToUrl"> {
  readonly metrics: Pick<Metrics, "registry">;
  readonly events: Pick<ServerEvents, "callFailed">;
}

export interface AsyncCallsContext {
  readonly queue: Queue;
  readonly registry: EndpointRegistry<EndpointSpec>;
  readonly store: Pick<Store, "org" | "subscribe">;
  readonly dataDir: string;
  readonly lock: { verify(): Promise<void> };
  readonly limitsOf: (org: string) => LimitNumbers;
  readonly log: Logger;
  readonly stack: DisposerStack;
  readonly role: DisposerStack;
}

/** Most calls of one endpoint that are delivered at the same time. */
const MAX_WINDOW = 256;

/** Creates the service for asynchronous calls. Those of endpoints and organizations that are removed are removed too. */
export function createAsyncCalls(context: AsyncCallsContext): AsyncCalls {
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
  return { asyncCalls: service, ...openDestinations(context) };
}

/** Calls of one endpoint and of one organization to URLs at the same time. */
const URL_WINDOW = 8;
const ORG_URL_WINDOW = 32;

/** Starts to deliver asynchronous calls: those to endpoints, and, independently of them, those to URLs. */
export function startDeliveries(context: DeliveriesContext, deliver: Deliver): void {
  const { queue, registry, limitsOf, log, stack, role, asyncCalls, deliverToUrl } = context;
  const common = { queue, log, onOutcome: outcomeListener(context) };
  const accept = (call: NewAsyncCall) => asyncCalls.acceptNext(call);
  const policy = policyOf(registry);
  const calls = new Deliveries({
    ...common,
    ...{ deliver, policyOf: policy, takes: (topic) => !isUrlTopic(topic) },
    beforeEnd: (delivery) => passOn(delivery, { queue, accept }),
    windowOf(key) {
      const { maxReplicas = 1, concurrency = 1 } = registry.get(key)?.spec ?? {};
      // Half of a replica's slots are for synchronous calls.
      return Math.min(MAX_WINDOW, maxReplicas * Math.ceil(concurrency / 2));
    },
    orgWindowOf: (org) => Math.max(1, Math.floor(limitsOf(org).concurrentRequests / 2)),
  });
  const toUrls = new Deliveries({
    ...common,
    ...{ deliver: deliverToUrl, takes: isUrlTopic },
    policyOf: (topic) => urlPolicy(policy(endpointOfTopic(topic))),
    ...{ windowOf: () => URL_WINDOW, orgWindowOf: () => ORG_URL_WINDOW },
  });
  for (const deliveries of [calls, toUrls]) stack.share(deliveries, role).start();
}

/** Counts deliveries, and reports failed calls as events. Calls to URLs belong to the endpoint whose calls led to them. */
function outcomeListener({
  queue,
  store,
  metrics,
  events,
  stack,
}: DeliveriesContext): NonNullable<DeliveriesOptions["onOutcome"]> {
  const counts = new AsyncCallMetrics(queue, [metrics.registry]);
  stack.defer(
    store.subscribe(({ record, ...ref }) => {
      if (record === null && "endpoint" in ref && ref.endpoint !== undefined) counts.forget(ref);
    }),
  );
  return ({ topic, id, attempt, response: { status, from } }, outcome) => {
    const ref = endpointRef(endpointOfTopic(topic));
    counts.record(ref, outcome);
    const known = from === "function" ? { status } : {};
    if (outcome.type === "dead") events.callFailed(ref, { id, attempts: attempt, ...known });
  };
}

/** Returns the rules for calls to URLs of an endpoint: only 2xx is a success (Standard Webhooks). They have no destinations themselves. */
const urlPolicy = ({ onSuccess: _, onFailure: __, ...policy }: AsyncPolicy): AsyncPolicy => ({
  ...policy,
  isFailure: (status) => status < 200 || status > 299,
});

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

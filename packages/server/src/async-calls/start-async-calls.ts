import { type AsyncPolicy, asyncPolicy, type EndpointSpec, type LimitNumbers, type Logger } from "@faas/core";
import type { EndpointRegistry, NewAsyncCall } from "@faas/gateway";
import { endpointOfTopic, isUrlTopic } from "../destinations/destination-topic.ts";
import { type Destinations, openDestinations } from "../destinations/open-destinations.ts";
import { passOn } from "../destinations/pass-on.ts";
import type { DisposerStack } from "../lib/disposer-stack.ts";
import type { Queue } from "../queue/queue.ts";
import type { Store } from "../state/store.ts";
import { AsyncCallService } from "./async-call-service.ts";
import { type Deliver, Deliveries } from "./deliveries.ts";

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

/** Service for asynchronous calls, and the parts that pass them on. */
export interface AsyncCalls extends Destinations {
  readonly asyncCalls: AsyncCallService;
}

/** Creates the service for asynchronous calls. Those of endpoints and organizations that are removed are removed too. */
export function createAsyncCalls(context: AsyncCallsContext): AsyncCalls {
  const { queue, registry, store, limitsOf, log, stack } = context;
  const service = new AsyncCallService({
    queue,
    limitsOf,
    policyOf: policyOf(registry),
    revisionOf: (key) => registry.get(key)?.spec.revision,
  });
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

type DeliveriesContext = Pick<AsyncCallsContext, "queue" | "registry" | "limitsOf" | "log" | "stack" | "role"> &
  Pick<AsyncCalls, "asyncCalls" | "deliverToUrl">;

/** Calls of one endpoint and of one organization to URLs at the same time. */
const URL_WINDOW = 8;
const ORG_URL_WINDOW = 32;
/** Statuses with which a receiver has not accepted a call: all but 2xx, as in the Standard Webhooks specification. */
const URL_FAILURES = "1xx,3xx,4xx,5xx";

/** Starts to deliver asynchronous calls: those to endpoints, and, independently of them, those to URLs. */
export function startDeliveries(context: DeliveriesContext, deliver: Deliver): void {
  const { queue, registry, limitsOf, log, stack, role, asyncCalls, deliverToUrl } = context;
  const accept = (call: NewAsyncCall) => asyncCalls.acceptNext(call);
  const calls = new Deliveries({
    ...{ queue, deliver, log, policyOf: policyOf(registry), takes: (topic) => !isUrlTopic(topic) },
    beforeEnd: (delivery) => passOn(delivery, { queue, accept }),
    windowOf(key) {
      const { maxReplicas = 1, concurrency = 1 } = registry.get(key)?.spec ?? {};
      // Half of a replica's slots are for synchronous calls.
      return Math.min(MAX_WINDOW, maxReplicas * Math.ceil(concurrency / 2));
    },
    orgWindowOf: (org) => Math.max(1, Math.floor(limitsOf(org).concurrentRequests / 2)),
  });
  const toUrls = new Deliveries({
    ...{ queue, log, deliver: deliverToUrl, takes: isUrlTopic },
    policyOf: (topic) => urlPolicy(policyOf(registry)(endpointOfTopic(topic))),
    ...{ windowOf: () => URL_WINDOW, orgWindowOf: () => ORG_URL_WINDOW },
  });
  for (const deliveries of [calls, toUrls]) stack.share(deliveries, role).start();
}

/** Returns the rules for calls to URLs of an endpoint. They have no destinations themselves. */
const urlPolicy = ({ onSuccess: _, onFailure: __, ...policy }: AsyncPolicy): AsyncPolicy => ({
  ...policy,
  failures: URL_FAILURES,
});

const policyOf = (registry: EndpointRegistry<EndpointSpec>) => (key: string) =>
  asyncPolicy(registry.get(key)?.spec.async);

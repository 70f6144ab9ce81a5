import { join } from "node:path";
import type { EndpointRef, LimitNumbers, Logger } from "@faas/core";
import type { AsyncCallAcceptor } from "@faas/gateway";
import type { DisposerStack } from "../../lib/disposer-stack.ts";
import type { Metrics } from "../../metrics/metrics.ts";
import type { ServerOptions } from "../../options.ts";
import { instanceId } from "../../state/instance-id.ts";
import type { Store } from "../../state/store.ts";
import { ConsumerList } from "./consumer-list.ts";
import { SourceIntake } from "./source-intake.ts";
import { SourceMetrics } from "./source-metrics.ts";
import { SourceService } from "./source-service.ts";

export interface SourcesContext {
  readonly options: Pick<ServerOptions, "queue">;
  readonly dataDir: string;
  readonly lock: { verify(): Promise<void> };
  readonly store: Store;
  readonly asyncCalls: AsyncCallAcceptor;
  readonly limitsOf: (org: string) => LimitNumbers;
  readonly metrics: Pick<Metrics, "registry">;
  readonly log: Logger;
  readonly stack: DisposerStack;
  readonly role: DisposerStack;
  /** Time after which a stream sends a message again. For tests. */
  readonly ackWaitMs?: number;
}

/** Creates the service for sources. It receives nothing before it is started. */
export async function createSources(context: SourcesContext): Promise<SourceService> {
  const { options, dataDir, lock, store, asyncCalls, limitsOf, metrics, log, stack, role, ackWaitMs } = context;
  const { queue } = options;
  const consumers = await ConsumerList.open({
    file: join(dataDir, "nats-consumers.jsonl"),
    assertLockHeld: () => lock.verify(),
  });
  const counts = new SourceMetrics([metrics.registry]);
  const onOutcome = (ref: EndpointRef, outcome: Parameters<SourceMetrics["record"]>[1]) => counts.record(ref, outcome);
  const load = async () => {
    const { NatsSources } = await import("./nats-sources.ts");
    if (queue === undefined) throw new Error("there is no queue on NATS");
    const intake = new SourceIntake({ store, calls: asyncCalls, limitsOf, onOutcome, log });
    return new NatsSources({ ...queue, instance: await instanceId(dataDir), intake, consumers, ackWaitMs, log });
  };
  const onRemoved = (ref: EndpointRef) => counts.forget(ref);
  return stack.share(new SourceService({ store, consumers, load, queueUrl: queue?.url, onRemoved, log }), role);
}

import { mkdir } from "node:fs/promises";
import { asyncPolicy, type LimitsChange, limitNumbers, type Source, type SourceView, withDefaults } from "@faas/core";
import { parseRecord } from "@faas/gateway";
import { pino } from "pino";
import { Registry } from "prom-client";
import { AsyncCallService } from "../async-calls/async-call-service.ts";
import { DisposerStack } from "../lib/disposer-stack.ts";
import { openNatsQueue } from "../queue/nats/nats-queue.ts";
import { instanceId } from "../state/instance-id.ts";
import { Store } from "../state/store.ts";
import { createSources } from "../triggers/sources/create-sources.ts";

export interface SourceRigOptions {
  readonly url: string;
  readonly folder: string;
  /** Called when a message is in the queue, before it is acknowledged. */
  readonly onEnqueued?: () => void;
  /** Sources are not started. */
  readonly isStopped?: boolean;
}

const ORG = "acme";
const log = pino({ level: "silent" });
/** Time after which streams send messages again. */
const ACK_WAIT_MS = 1_000;

/** Sources of the endpoints of one organization with their store and their queue on NATS, whose calls nobody delivers. */
export async function sourceRig({ url, folder, onEnqueued, isStopped = false }: SourceRigOptions) {
  await mkdir(folder, { recursive: true });
  const store = await Store.open(folder);
  const queue = await openNatsQueue({ url, instance: await instanceId(folder) });
  const limitsOf = (org: string) => limitNumbers(store.org(org)?.limits ?? {});
  const service = new AsyncCallService({ queue, limitsOf, policyOf: () => asyncPolicy(), revisionOf: () => undefined });
  const accept = async (call: Parameters<AsyncCallService["accept"]>[0]) => {
    const accepted = await service.accept(call);
    onEnqueued?.();
    return accepted;
  };
  const [metrics, stack] = [{ registry: new Registry() }, new DisposerStack()];
  const sources = await createSources({
    ...{ dataDir: folder, store, limitsOf, metrics, log, stack, role: new DisposerStack(), ackWaitMs: ACK_WAIT_MS },
    ...{ options: { queue: { url } }, lock: { verify: async () => {} }, asyncCalls: { accept } },
  });
  if (!isStopped) sources.start();
  const views = (endpoint = "jobs"): readonly SourceView[] => sources.views({ org: ORG, endpoint }) ?? [];
  return {
    ...{ queue, views },
    limit: (limits: LimitsChange) => store.putOrg(ORG, limits),
    /** Deploys an endpoint with sources. */
    async deploy(list: readonly Source[], endpoint = "jobs"): Promise<void> {
      if (!store.hasOrg(ORG)) await store.putOrg(ORG);
      const settings = withDefaults({ sources: list, bodyLimit: "100Ki" });
      const at = new Date().toISOString();
      const current = { id: "r1", createdAt: at, artifact: { kind: "image" as const, reference: "x" }, settings };
      await store.changeEndpoint({ org: ORG, endpoint }, () => ({ createdAt: at, updatedAt: at, current }));
    },
    remove: (endpoint = "jobs") => store.changeEndpoint({ org: ORG, endpoint }, () => undefined),
    /** Lists the requests of the calls, the oldest first. */
    async calls() {
      const messages = queue.list({ group: ORG, limit: 1_000 }).toReversed();
      return Promise.all(
        messages.map(async ({ id, topic }) => {
          const { request, body } = parseRecord((await queue.read(id))?.body ?? Buffer.alloc(0));
          return { id, topic, request, body: body.toString() };
        }),
      );
    },
    /** Returns how many messages had an outcome. */
    async count(outcome: string): Promise<number> {
      const { values } = (await metrics.registry.getSingleMetric("faas_source_messages_total")?.get()) ?? {
        values: [],
      };
      return values.filter(({ labels }) => labels.outcome === outcome).reduce((sum, { value }) => sum + value, 0);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await stack[Symbol.asyncDispose]();
      await queue[Symbol.asyncDispose]();
      await store.close();
    },
  };
}

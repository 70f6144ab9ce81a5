import type { Logger } from "@faas/core";
import type { KubernetesApi } from "./api-client.ts";
import type { Kind } from "./objects.ts";

export interface InformerSettings {
  readonly api: KubernetesApi;
  /** Silence after which a watch is started again. Absent: the default. */
  readonly silenceMs: number | undefined;
  readonly log: Logger;
  /** Called when a watch that was interrupted has resumed. */
  readonly onResumed: () => void;
}

/** Returns the options of all informers of a control server, which log interruptions. */
export const informerOptions = ({ api, silenceMs, log, onResumed }: InformerSettings) => ({
  api,
  silenceMs,
  onInterrupted: (kind: Kind, error: unknown) =>
    log.warn({ err: error, kind }, "watch on the cluster was interrupted, will retry"),
  onResumed: (kind: Kind) => {
    log.info({ kind }, "watch on the cluster resumed");
    onResumed();
  },
});

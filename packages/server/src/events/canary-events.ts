import { type EndpointRef, endpointKey, isCanaryActive } from "@faas/core";
import type { CanaryRecord } from "../canary/canary-fields.ts";
import { shareOf } from "../canary/canary-record.ts";
import type { EndpointRecord } from "../state/records.ts";
import type { NewEvent } from "./event-log.ts";

/** Derives events from the canaries in the records of endpoints. */
export class CanaryEvents {
  readonly #publish: (event: NewEvent) => void;
  /** Canaries that have not ended. */
  readonly #active = new Map<string, CanaryRecord>();

  constructor(publish: (event: NewEvent) => void) {
    this.#publish = publish;
  }

  /** Takes note of a record that is not news. */
  remember(ref: EndpointRef, { canary }: EndpointRecord): void {
    if (canary && isCanaryActive(canary.state)) this.#active.set(endpointKey(ref), canary);
    else this.#active.delete(endpointKey(ref));
  }

  /** Publishes the events of a changed record. @param record absent: the endpoint was removed */
  onChange(ref: EndpointRef, record: EndpointRecord | undefined): void {
    const before = this.#active.get(endpointKey(ref));
    const { canary } = record ?? {};
    if (before === undefined && (canary === undefined || !isCanaryActive(canary.state))) return;
    this.remember(ref, record ?? ({} as EndpointRecord));
    const isSame = before?.startedAt === canary?.startedAt && before?.revision === canary?.revision;
    if (before && !isSame) this.#ended(ref, { ...before, state: "replaced" });
    if (canary === undefined) return;
    const { revision, base, plan, state, step } = canary;
    if (!isSame) {
      const data = { revision, base, steps: plan.steps };
      this.#publish({ type: "faas.endpoint.canary.started", ...ref, data });
    } else if (!isCanaryActive(state)) this.#ended(ref, canary);
    else if (state === "running" && (before?.state === "starting" || before?.step !== step))
      this.#publish({ type: "faas.endpoint.canary.advanced", ...ref, data: { revision, share: shareOf(canary) } });
  }

  #ended(ref: EndpointRef, { revision, base, state, reason }: CanaryRecord): void {
    if (state === "promoted")
      this.#publish({ type: "faas.endpoint.canary.promoted", ...ref, data: { revision, previous: base } });
    else
      this.#publish({
        type: "faas.endpoint.canary.ended",
        ...ref,
        data: { revision, serving: base, state, ...(reason === undefined ? {} : { detail: reason }) },
      });
  }
}

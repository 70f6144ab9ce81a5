import type { EndpointRef } from "@faas/core";
import type { Store } from "../state/store.ts";
import type { Variants } from "../variants/variants.ts";
import { activeCanary, withCanaryEnded } from "./canary-record.ts";

/** Sends all calls of an endpoint back to its serving revision, because that was deployed again. Its changes are serialized already. */
export async function endCanary(
  ref: EndpointRef,
  { store, variants }: { readonly store: Store; readonly variants: Pick<Variants, "publish"> },
): Promise<void> {
  const before = store.endpoint(ref);
  if (before === undefined || activeCanary(before) === undefined) return;
  const now = new Date().toISOString();
  await store.changeEndpoint(
    ref,
    (record) => record && withCanaryEnded(record, "rolled-back", "it was rolled back by request", now),
  );
  const record = store.endpoint(ref);
  if (record) variants.publish(ref, record);
}

import type { Logger } from "@faas/core";
import type { V1Namespace } from "@kubernetes/client-node";
import type { KubernetesApi } from "../client/api-client.ts";
import type { KubernetesObject } from "../client/objects.ts";
import { handOverPolicy, handOverPolicyName } from "../reconcile/manifests/hand-over-policy.ts";
import { selectorOf } from "../reconcile/manifests/labels.ts";

/** Time after which every API server applies a new policy. */
const ACTIVATION_MS = 3_000;
/** Interval at which it is checked that the policy still exists. */
const CHECK_MS = 300_000;
/** Number of pods that were deleted nevertheless after which the policy is not relied on any more: the ReplicaSet controller has another name there. */
const MAX_FAILURES = 3;

export interface DeletionPolicyOptions {
  readonly api: KubernetesApi;
  readonly instance: string;
  /** The control server runs in the cluster: `faas install` has created the policy. */
  readonly isInstalled: boolean;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * The admission policy that keeps ReplicaSets from deleting pods that are being handed over to them. A control server in the cluster finds it there; another
 * one creates it if its user may, and it ends with the namespaces of its organizations.
 */
export class DeletionPolicy {
  readonly #options: DeletionPolicyOptions;
  /** Organizations for whose namespaces the policy was applied. */
  readonly #orgs = new Set<string>();
  /** Uid of the policy that was found last. */
  #uid: string | undefined;
  #activeFrom = Number.POSITIVE_INFINITY;
  #failures = 0;
  #checking: Promise<void> | undefined;
  #isOutdated = false;

  constructor(options: DeletionPolicyOptions) {
    this.#options = options;
    const timer = setInterval(() => this.#orgs.size > 0 && this.#checkSoon(), CHECK_MS).unref();
    options.signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** True if the cluster applies the policy. */
  get isActive(): boolean {
    return this.#failures < MAX_FAILURES && performance.now() >= this.#activeFrom;
  }

  /** Prepares the policy for an organization whose namespace exists. */
  ensure(org: string): void {
    if (this.#orgs.has(org)) return;
    this.#orgs.add(org);
    this.#checkSoon();
  }

  /** Records that a pod was deleted which the policy should have kept: it may be gone, and is checked again. */
  failed(): void {
    this.#failures++;
    this.#uid = undefined;
    this.#activeFrom = Number.POSITIVE_INFINITY;
  }

  #checkSoon(): void {
    this.#isOutdated = true;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
  }

  async #check(): Promise<void> {
    const { isInstalled, log, signal } = this.#options;
    while (this.#isOutdated && !signal.aborted) {
      this.#isOutdated = false;
      const uid = await (isInstalled ? this.#find() : this.#apply()).catch((error) => {
        if (!signal.aborted)
          log.info({ err: error }, "no admission policy for warm pods, each one that is used costs another pod");
        return undefined;
      });
      if (uid === undefined) this.#activeFrom = Number.POSITIVE_INFINITY;
      else if (uid !== this.#uid) this.#activeFrom = performance.now() + ACTIVATION_MS;
      this.#uid = uid;
    }
  }

  async #find(): Promise<string | undefined> {
    const { api, instance, signal } = this.#options;
    const name = handOverPolicyName(instance);
    const [policy, binding] = await Promise.all(
      (["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"] as const).map((kind) =>
        api.get<KubernetesObject>(kind, undefined, name, signal),
      ),
    );
    return binding && policy?.metadata?.uid;
  }

  async #apply(): Promise<string | undefined> {
    const { api, instance, signal } = this.#options;
    const namespaces = await api.list<V1Namespace & { kind: "Namespace" }>(
      "Namespace",
      undefined,
      selectorOf(instance),
      signal,
    );
    const ownerReferences = namespaces
      .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
      .map(({ metadata }) => ({ apiVersion: "v1", kind: "Namespace", name: metadata?.name, uid: metadata?.uid }));
    if (ownerReferences.length === 0) return undefined;
    let uid: string | undefined;
    for (const object of handOverPolicy(instance).reverse()) {
      const owned = { ...object, metadata: { ...object.metadata, ownerReferences } };
      const { metadata } = await api.apply(owned as object as KubernetesObject, signal);
      uid = metadata?.uid;
    }
    return uid;
  }
}

import { FaasError, type LimitNumbers, limitNumbers } from "@faas/core";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import type {
  ControlMessage,
  EndpointMessage,
  NotReadyMessage,
  OrgLimitsOnWire,
  StatusMessage,
  WakeFailed,
} from "../protocol/messages.ts";
import type { RemoteKeys } from "./remote-keys.ts";
import { codeOf, type ReplicaView } from "./replica-view.ts";
import type { Waker } from "./waker.ts";

const NO_LIMITS: LimitNumbers = {
  ...limitNumbers({}),
  concurrentRequests: Number.POSITIVE_INFINITY,
};

/** Names that occurred since the begin of a snapshot. */
interface Seen {
  readonly endpoints: Set<string>;
  readonly statuses: Set<string>;
  readonly orgs: Set<string>;
  readonly keys: Set<string>;
}

export interface ViewApplierOptions {
  readonly registry: EndpointRegistry;
  readonly keys: RemoteKeys;
  readonly replicas: ReplicaView;
  readonly waker: Waker;
}

/** Applies the control server's messages about its state: snapshots and changes. */
export class ViewApplier {
  readonly #options: ViewApplierOptions;
  readonly #orgs = new Map<string, LimitNumbers>();
  #notReady: FaasError | undefined;
  /** Undefined outside of a snapshot. */
  #seen: Seen | undefined;

  constructor(options: ViewApplierOptions) {
    this.#options = options;
  }

  /** Reason why no replica can be started yet. */
  get notReady(): FaasError | undefined {
    return this.#notReady;
  }

  /** Names of all organizations, also of those without endpoints. */
  orgs(): IterableIterator<string> {
    return this.#orgs.keys();
  }

  hasOrg(name: string): boolean {
    return this.#orgs.has(name);
  }

  /** Returns the limits of an organization; none for an unknown one. */
  limitsOf(name: string): LimitNumbers {
    return this.#orgs.get(name) ?? NO_LIMITS;
  }

  /** Applies a message; ignores one of another type. */
  apply(message: ControlMessage): void {
    switch (message.type) {
      case "snapshot-begin":
        this.#seen = { endpoints: new Set(), statuses: new Set(), orgs: new Set(), keys: new Set() };
        return;
      case "endpoint":
        this.#putEndpoint(message);
        return;
      case "endpoint-removed":
        this.#removeEndpoint(message.key);
        return;
      case "status":
        this.#putStatus(message);
        return;
      case "org":
        this.#putOrg(message.name, message.limits);
        return;
      case "org-removed":
        this.#removeOrg(message.name);
        return;
      case "key":
        this.#seen?.keys.add(message.id);
        this.#options.keys.put(message.id, message.record);
        return;
      case "key-removed":
        this.#options.keys.remove(message.id);
        return;
      case "not-ready":
        this.#notReady = notReadyOf(message);
        return;
      case "wake-failed":
        this.#rejectWaiting(message);
        return;
      case "snapshot-end":
        this.#endSnapshot();
        return;
    }
  }

  #putEndpoint({ key, spec }: EndpointMessage): void {
    const { registry, replicas } = this.#options;
    this.#seen?.endpoints.add(key);
    const isNew = registry.get(key) === undefined;
    registry.put(spec);
    if (isNew) replicas.refresh(key);
  }

  #removeEndpoint(key: string): void {
    const { registry, replicas, waker } = this.#options;
    const endpoint = registry.get(key);
    if (endpoint === undefined) return;
    // An endpoint of the same name that is added later begins without replicas.
    replicas.setControl(key, undefined);
    registry.delete(endpoint.spec);
    waker.forget(endpoint);
  }

  #putStatus(message: StatusMessage): void {
    const { registry, replicas, waker } = this.#options;
    this.#seen?.statuses.add(message.key);
    const endpoint = registry.get(message.key);
    if (endpoint === undefined) return;
    replicas.setControl(message.key, message);
    waker.onStatus(endpoint);
  }

  #putOrg(name: string, limits: OrgLimitsOnWire): void {
    this.#seen?.orgs.add(name);
    this.#orgs.set(name, { ...NO_LIMITS, ...limits });
    this.#options.registry.limitsChanged(name);
  }

  #removeOrg(name: string): void {
    this.#orgs.delete(name);
    this.#options.registry.limitsChanged(name);
  }

  /** Rejects the calls that wait for a first replica, which cannot be started. */
  #rejectWaiting({ key, code, detail, extensions }: WakeFailed): void {
    const endpoint = this.#options.registry.get(key);
    if (endpoint === undefined || endpoint.replicas.length > 0) return;
    this.#options.waker.forget(endpoint);
    endpoint.rejectAll(new FaasError(codeOf(code), detail, extensions ? { extensions } : {}));
  }

  #endSnapshot(): void {
    const seen = this.#seen;
    if (seen === undefined) return;
    this.#seen = undefined;
    const { registry, keys, replicas } = this.#options;
    for (const { key } of [...registry.values()]) if (!seen.endpoints.has(key)) this.#removeEndpoint(key);
    for (const key of [...replicas.controlKeys()]) if (!seen.statuses.has(key)) replicas.setControl(key, undefined);
    for (const name of [...this.#orgs.keys()]) if (!seen.orgs.has(name)) this.#removeOrg(name);
    for (const id of [...keys.ids()]) if (!seen.keys.has(id)) keys.remove(id);
  }
}

const notReadyOf = ({ code, detail }: NotReadyMessage) =>
  code === undefined ? undefined : new FaasError(codeOf(code), detail ?? "");

import { isDeepStrictEqual } from "node:util";
import { type EndpointRef, endpointKey, type KeyRecord, type ReplicaFailure } from "@faas/core";
import { type Change, type EndpointRecord, isDeploying, type OrgFields, targetRevision } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import { CanaryEvents } from "./canary-events.ts";
import type { NewEvent } from "./event-log.ts";

/** Part of an endpoint's record whose change is an event. */
interface DeploymentState {
  readonly target: string;
  readonly phase: "deploying" | "failed" | "serving";
  readonly failure?: ReplicaFailure;
}

/** Derives events from the changes of the stored state: whatever made a change, its event is the same. */
export class StateEvents {
  readonly #publish: (event: NewEvent) => void;
  readonly #endpoints = new Map<string, DeploymentState>();
  readonly #orgs = new Map<string, OrgFields>();
  readonly #keys = new Map<string, KeyRecord>();
  readonly #canaries: CanaryEvents;

  constructor(store: Pick<Store, "orgs" | "org" | "endpoints" | "keys">, publish: (event: NewEvent) => void) {
    this.#publish = publish;
    this.#canaries = new CanaryEvents(publish);
    for (const org of store.orgs()) this.#orgs.set(org, store.org(org) as OrgFields);
    for (const [ref, record] of store.endpoints()) {
      this.#endpoints.set(endpointKey(ref), deploymentState(record));
      this.#canaries.remember(ref, record);
    }
    for (const [id, record] of store.keys()) this.#keys.set(id, record);
  }

  /** Publishes the events of a change that is on disk. */
  onChange(change: Change): void {
    if (change.org === undefined) this.#onKey(change.key, change.record);
    else if (change.endpoint === undefined) this.#onOrg(change.org, change.record);
    else this.#onEndpoint({ org: change.org, endpoint: change.endpoint }, change.record);
  }

  #onKey(id: string, record: KeyRecord | null): void {
    const before = this.#keys.get(id);
    if (record) this.#keys.set(id, record);
    else this.#keys.delete(id);
    // Otherwise it was used.
    if ((record === null) === (before === undefined)) return;
    const { name, scope, org, expiresAt } = (record ?? before) as KeyRecord;
    this.#publish({
      type: record ? "faas.key.created" : "faas.key.revoked",
      ...{ org, subject: id, isForAdmins: true },
      data: { id, name, scope, ...(org === undefined ? {} : { org }), ...(expiresAt ? { expiresAt } : {}) },
    });
  }

  #onOrg(org: string, record: OrgFields | null): void {
    const before = this.#orgs.get(org);
    if (record === null) {
      this.#orgs.delete(org);
      if (before) this.#publish({ type: "faas.org.removed", org });
      return;
    }
    this.#orgs.set(org, record);
    if (before === undefined) this.#publish({ type: "faas.org.created", org });
    else if (!isDeepStrictEqual(before.limits, record.limits))
      this.#publish({ type: "faas.org.updated", org, data: { changed: "limits", limits: record.limits ?? {} } });
    else if (!isDeepStrictEqual(before.secrets, record.secrets))
      this.#publish({ type: "faas.org.updated", org, data: { changed: "secrets" } });
  }

  #onEndpoint(ref: EndpointRef, record: EndpointRecord | null): void {
    const key = endpointKey(ref);
    const before = this.#endpoints.get(key);
    this.#canaries.onChange(ref, record ?? undefined);
    if (record === null) {
      this.#endpoints.delete(key);
      if (before) this.#publish({ type: "faas.endpoint.removed", ...ref });
      return;
    }
    const state = deploymentState(record);
    this.#endpoints.set(key, state);
    if (!isChanged(state, before)) return;
    const { target: revision, failure, phase } = state;
    const previous = before && before.target !== revision ? { previous: before.target } : {};
    if (phase === "deploying")
      this.#publish({ type: "faas.deployment.started", ...ref, data: { revision, ...previous } });
    else if (phase === "serving")
      this.#publish({ type: "faas.endpoint.deployed", ...ref, data: { revision, ...previous } });
    else if (failure) {
      const { revision: failed, code, detail } = failure;
      const serving = failed === revision ? {} : { serving: revision };
      this.#publish({ type: "faas.deployment.failed", ...ref, data: { revision: failed, ...serving, code, detail } });
    }
  }
}

function deploymentState(record: EndpointRecord): DeploymentState {
  const target = targetRevision(record).id;
  if (isDeploying(record)) return { target, phase: "deploying" };
  return record.failure ? { target, phase: "failed", failure: record.failure } : { target, phase: "serving" };
}

function isChanged(state: DeploymentState, before: DeploymentState | undefined): boolean {
  if (before?.phase !== state.phase) return true;
  // After a failure the target is the serving revision again.
  if (state.phase === "failed") return before.failure?.revision !== state.failure?.revision;
  return before.target !== state.target;
}

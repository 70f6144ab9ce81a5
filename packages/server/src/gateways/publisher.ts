import type { KeyRecord, LimitNumbers } from "@faas/core";
import { type ControlMessage, type EndpointRegistry, encodeMessage, type LinkClock } from "@faas/gateway";
import { emptyStatus, endpointMessage, keyMessage, orgMessage, type StatusMessages } from "./state-messages.ts";

/** Length of a part of a snapshot: the event loop is free between two parts. */
const PART_LENGTH = 128 * 1024;

export interface PublisherOptions {
  readonly registry: EndpointRegistry;
  /** Returns the names of all organizations. */
  readonly orgs: () => Iterable<string>;
  /** Returns the limits of an organization; undefined for one that does not exist. */
  readonly limitsOf: (org: string) => LimitNumbers | undefined;
  /** Returns all keys by id. */
  readonly keys: () => Iterable<readonly [id: string, record: KeyRecord]>;
  readonly keyOf: (id: string) => KeyRecord | undefined;
  readonly statuses: StatusMessages;
  readonly clock: LinkClock;
  /** Sends lines to all gateways. */
  readonly broadcast: (lines: string) => void;
}

/** Unpublished changes of one endpoint. */
interface EndpointChange {
  removed: boolean;
  spec: boolean;
  status: boolean;
}

/**
 * Publishes the state to gateways: changes to all of them, numbered batch by batch, and snapshots to new ones. Every message has the present state of one
 * thing, so that changes between two batches cost one message, and a snapshot and changes may mix in any order.
 */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #endpoints = new Map<string, EndpointChange>();
  readonly #orgs = new Set<string>();
  readonly #keys = new Set<string>();
  #cancelFlush: (() => void) | undefined;
  #version = 1;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** Number of the last batch. */
  get version(): number {
    return this.#version;
  }

  /** Marks an endpoint whose spec changed. */
  specChanged(key: string): void {
    this.#of(key).spec = true;
  }

  /** Marks an endpoint whose desired or observed replicas may have changed. */
  statusChanged(key: string): void {
    this.#of(key).status = true;
  }

  endpointRemoved(key: string): void {
    const change = this.#of(key);
    change.removed = true;
    change.status = false;
  }

  orgChanged(name: string): void {
    this.#orgs.add(name);
    this.#schedule();
  }

  keyChanged(id: string): void {
    this.#keys.add(id);
    this.#schedule();
  }

  /** Publishes all marked changes now. Returns the version that includes them. */
  flush(): number {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    const messages = [...this.#orgMessages(), ...this.#keyMessages(), ...this.#endpointMessages()];
    if (messages.length === 0) return this.#version;
    messages.push({ type: "version", version: ++this.#version });
    this.#options.broadcast(messages.map((message) => encodeMessage(message)).join(""));
    return this.#version;
  }

  /** Forgets the marked changes: nobody is there who would need them. */
  discard(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#endpoints.clear();
    this.#orgs.clear();
    this.#keys.clear();
  }

  /** Yields the lines of the whole state in parts. Each part has the state of the moment at which it is taken; changes are published meanwhile. */
  *snapshot(): Generator<string> {
    let part = encodeMessage<ControlMessage>({ type: "snapshot-begin" });
    for (const message of this.#allMessages()) {
      part += encodeMessage(message);
      if (part.length < PART_LENGTH) continue;
      yield part;
      part = "";
    }
    yield part +
      encodeMessage<ControlMessage>({ type: "snapshot-end" }) +
      encodeMessage<ControlMessage>({ type: "version", version: this.#version });
  }

  *#allMessages(): Generator<ControlMessage> {
    const { registry, orgs, limitsOf, keys, statuses } = this.#options;
    for (const name of orgs()) {
      const limits = limitsOf(name);
      if (limits) yield orgMessage(name, limits);
    }
    for (const [id, record] of keys()) yield keyMessage(id, record);
    for (const endpoint of registry.values()) {
      yield endpointMessage(endpoint);
      const status = statuses.of(endpoint);
      if (status) yield status;
    }
  }

  *#orgMessages(): Generator<ControlMessage> {
    for (const name of this.#orgs) {
      const limits = this.#options.limitsOf(name);
      yield limits ? orgMessage(name, limits) : { type: "org-removed", name };
    }
    this.#orgs.clear();
  }

  *#keyMessages(): Generator<ControlMessage> {
    for (const id of this.#keys) {
      const record = this.#options.keyOf(id);
      yield record ? keyMessage(id, record) : { type: "key-removed", id };
    }
    this.#keys.clear();
  }

  *#endpointMessages(): Generator<ControlMessage> {
    const { registry, statuses } = this.#options;
    for (const [key, { removed, spec, status }] of this.#endpoints) {
      if (removed) yield { type: "endpoint-removed", key };
      const endpoint = registry.get(key);
      if (endpoint === undefined) continue;
      if (spec || removed) yield endpointMessage(endpoint);
      if (status) yield statuses.of(endpoint) ?? emptyStatus(key);
    }
    this.#endpoints.clear();
  }

  #of(key: string): EndpointChange {
    let change = this.#endpoints.get(key);
    if (change === undefined) {
      change = { removed: false, spec: false, status: false };
      this.#endpoints.set(key, change);
      this.#schedule();
    }
    return change;
  }

  #schedule(): void {
    this.#cancelFlush ??= this.#options.clock.after(0, () => this.flush());
  }
}

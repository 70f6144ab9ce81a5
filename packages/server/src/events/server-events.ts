import type { EndpointRef } from "@faas/core";
import type { ServedEndpoint, StatusSubscriber } from "@faas/gateway";
import type { Store } from "../state/store.ts";
import { EventLog, type NewEvent } from "./event-log.ts";
import { ReplicaEvents } from "./replica-events.ts";
import { StateEvents } from "./state-events.ts";

export interface ServerEventsOptions {
  readonly store: Pick<Store, "subscribe" | "orgs" | "org" | "endpoints" | "keys">;
  readonly version: string;
}

/** Events of the server: changes of its state and of its replicas, in a log that streams read (docs/decisions/0046-events-and-web-page.md). */
export class ServerEvents implements StatusSubscriber, Disposable {
  readonly log = new EventLog();
  readonly #replicas: ReplicaEvents;
  readonly #unsubscribe: () => void;
  /** Replicas that ran before the server started are not news. */
  #isListed = false;

  constructor({ store, version }: ServerEventsOptions) {
    const publish = (event: NewEvent) => this.log.append(event);
    publish({ type: "faas.server.started", data: { version } });
    const state = new StateEvents(store, publish);
    this.#replicas = new ReplicaEvents((event) => this.#isListed && publish(event));
    this.#unsubscribe = store.subscribe((change) => state.onChange(change));
  }

  onFirstList(): void {
    this.#isListed = true;
  }

  /** To be called when the desired or the observed replicas of an endpoint may have changed. */
  statusChanged(endpoint: ServedEndpoint): void {
    if (!endpoint.removed) this.#replicas.onStatus(endpoint);
  }

  /** To be called when an asynchronous call has failed. */
  callFailed(
    ref: EndpointRef,
    data: { readonly id: string; readonly attempts: number; readonly status?: number },
  ): void {
    this.log.append({ type: "faas.call.failed", ...ref, data });
  }

  /** To be called when an endpoint is no longer served. */
  endpointRemoved(endpoint: ServedEndpoint): void {
    this.#replicas.forget(endpoint);
  }

  /** Ends all streams. */
  [Symbol.dispose](): void {
    this.#unsubscribe();
    this.log[Symbol.dispose]();
  }
}

import { type EndpointStatus, knownCode, type Replica, type ReplicaFailure } from "@faas/core";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import type { FailureOnWire, StatusMessage } from "../protocol/messages.ts";
import type { PlatformReplica } from "./options.ts";

/** Sources of what is known of an endpoint's replicas. */
interface Sources {
  control?: StatusMessage | undefined;
  platform?: readonly PlatformReplica[] | undefined;
  /** Ids of replicas that the platform is ending or has ended. The control server may list them a little longer, or, on a link that is cut, much longer. */
  ending?: ReadonlySet<string> | undefined;
  /** Last failure that the control server sent: it stays the same object while it is the same failure. */
  failure?: { readonly id: string; readonly value: ReplicaFailure } | undefined;
}

/**
 * Replicas of all endpoints, from the control server and, where the gateway can watch it, from the platform. While the link is up the control server decides:
 * it notices first that a replica is ready. While the link is lost, the platform does. A replica that the platform is ending never gets calls.
 */
export class ReplicaView {
  readonly #registry: EndpointRegistry;
  readonly #followsPlatform: boolean;
  /** Only of endpoints of which something is known. */
  readonly #sources = new Map<string, Sources>();
  #isAway = true;

  /** @param followsPlatform the platform's replicas are known: without the control server, they are the desired ones */
  constructor(registry: EndpointRegistry, followsPlatform: boolean) {
    this.#registry = registry;
    this.#followsPlatform = followsPlatform;
  }

  /** Keys of the endpoints that have a status from the control server. */
  *controlKeys(): Generator<string> {
    for (const [key, { control }] of this.#sources) if (control) yield key;
  }

  /** Takes a status of the control server; `undefined` for none. */
  setControl(key: string, control: StatusMessage | undefined): void {
    const sources = this.#of(key);
    sources.control = control && !isEmpty(control) ? control : undefined;
    sources.failure = failureOf(control?.failure, sources.failure);
    this.#update(key, sources);
  }

  /** Takes the replicas that the platform lists; `undefined` if it does not know the endpoint. */
  setPlatform(key: string, replicas: readonly PlatformReplica[] | undefined): void {
    const sources = this.#of(key);
    sources.ending = endingReplicas(sources, replicas ?? []);
    sources.platform = replicas;
    this.#update(key, sources);
  }

  /** Sets whether the link to the control server is lost. */
  setAway(isAway: boolean): void {
    if (this.#isAway === isAway) return;
    this.#isAway = isAway;
    for (const [key, sources] of this.#sources)
      if (sources.platform || this.#followsPlatform) this.#update(key, sources);
  }

  /** Shows what is known of an endpoint that has been added. */
  refresh(key: string): void {
    const sources = this.#sources.get(key);
    if (sources) this.#update(key, sources);
  }

  #of(key: string): Sources {
    let sources = this.#sources.get(key);
    if (!sources) {
      sources = {};
      this.#sources.set(key, sources);
    }
    return sources;
  }

  #update(key: string, sources: Sources): void {
    const endpoint = this.#registry.get(key);
    if (endpoint === undefined) return;
    const { control, platform } = sources;
    const status = platform && this.#isAway ? platformStatus(endpoint, platform) : controlStatus(endpoint, sources);
    const desired = this.#isAway && this.#followsPlatform ? usable(status, platform) : (control?.desired ?? 0);
    if (!control && !platform) this.#sources.delete(key);
    this.#registry.observeRemote(endpoint, desired, status);
  }
}

/**
 * Returns the number of replicas that are not about to end. While the link is lost it takes the place of the desired number, which may have
 * changed since: if there are none, waiting calls start some.
 */
function usable(status: EndpointStatus | undefined, platform: readonly PlatformReplica[] | undefined): number {
  return platform ? platform.filter(({ terminating }) => !terminating).length : (status?.replicas.length ?? 0);
}

/** Tells whether a status is that of an endpoint without one. */
const isEmpty = ({ desired, replicas, failure, ended }: StatusMessage) =>
  desired === 0 && replicas.length === 0 && failure === undefined && ended === undefined;

function platformStatus({ spec }: ServedEndpoint, platform: readonly PlatformReplica[]): EndpointStatus {
  const { org, endpoint, revision } = spec;
  const replicas = platform.map(({ terminating, ready, ...replica }) => ({ ...replica, ready: ready && !terminating }));
  return { org, endpoint, revision, replicas };
}

function controlStatus({ spec }: ServedEndpoint, { control, ending, failure }: Sources): EndpointStatus | undefined {
  // Without a revision nothing has been observed yet.
  if (control?.revision === undefined) return undefined;
  const { org, endpoint } = spec;
  const { revision, replicas, ended } = control;
  return {
    ...{ org, endpoint, revision },
    replicas: replicas.map((replica): Replica => (ending?.has(replica.id) ? { ...replica, ready: false } : replica)),
    ...(failure ? { failure: failure.value } : {}),
    ...(ended ? { ended: ended.map((each) => ({ ...each, code: codeOf(each.code), lastLogLines: [] })) } : {}),
  };
}

/** Returns the replicas that the platform is ending, or no longer lists, as long as the control server lists them. */
function endingReplicas({ control, platform, ending }: Sources, now: readonly PlatformReplica[]): ReadonlySet<string> {
  const running = new Set(now.filter(({ terminating }) => !terminating).map(({ id }) => id));
  const listed = new Set(control?.replicas.map(({ id }) => id));
  const before = [...(platform ?? []).map(({ id }) => id), ...(ending ?? [])];
  return new Set([
    ...now.filter(({ terminating }) => terminating).map(({ id }) => id),
    ...before.filter((id) => listed.has(id) && !running.has(id)),
  ]);
}

function failureOf(sent: FailureOnWire | undefined, known: Sources["failure"]): Sources["failure"] {
  if (sent === undefined) return undefined;
  const { id, revision, code, detail } = sent;
  return known?.id === id ? known : { id, value: { revision, code: codeOf(code), detail, lastLogLines: [] } };
}

/** Returns the code of a failure; a control server of a newer release may send codes that this one does not know. */
export const codeOf = (code: string): ReplicaFailure["code"] => knownCode(code, "NO_CAPACITY");

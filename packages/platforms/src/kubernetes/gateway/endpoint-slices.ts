import { endpointKey } from "@faas/core";
import type { WatchHandler } from "../client/informer.ts";
import type { KubernetesObject } from "../client/objects.ts";
import { LABELS, PORT } from "../reconcile/manifests/labels.ts";

/** The part of `discovery.k8s.io/v1` EndpointSlice that a gateway uses. */
export interface EndpointSlice extends KubernetesObject {
  readonly endpoints?: readonly SliceEndpoint[] | null;
}

interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly terminating?: boolean };
  readonly targetRef?: { readonly name?: string };
}

/** A pod with an address, as EndpointSlices list it. */
export interface SlicePod {
  /** Name of the pod. */
  readonly pod: string;
  /** `host:port`. */
  readonly address: string;
  /** True if the kubelet considers it ready. */
  readonly ready: boolean;
  /** True if it is being deleted: it answers the calls that it has, and gets no new ones. */
  readonly terminating: boolean;
}

const NO_PODS: readonly SlicePod[] = [];

/** The pods of all endpoints that have any, as the cluster's EndpointSlices list them. */
export class EndpointSlices {
  readonly handler: WatchHandler<EndpointSlice>;
  readonly #onChanged: (key: string) => void;
  /** Pods by slice, by endpoint. An endpoint with many pods has several slices. */
  readonly #slices = new Map<string, Map<string, readonly SlicePod[]>>();

  /** @param onChanged called with the key, "org/endpoint", of an endpoint whose pods changed */
  constructor(onChanged: (key: string) => void) {
    this.#onChanged = onChanged;
    this.handler = {
      listed: (slices) => this.#listed(slices),
      changed: (slice) => this.#changed(slice),
      deleted: (slice) => this.#set(keyOf(slice), nameOf(slice), NO_PODS),
    };
  }

  /** Returns the pods of an endpoint, each once. */
  podsOf(key: string): readonly SlicePod[] {
    const slices = this.#slices.get(key);
    if (!slices) return NO_PODS;
    const pods = new Map<string, SlicePod>();
    for (const listed of slices.values())
      for (const pod of listed) {
        const other = pods.get(pod.pod);
        // A pod that moves from one slice to another is in both for a moment.
        pods.set(pod.pod, other ? { ...pod, terminating: pod.terminating || other.terminating } : pod);
      }
    return [...pods.values()];
  }

  /** Returns the keys of all endpoints that have pods. */
  keys(): Iterable<string> {
    return this.#slices.keys();
  }

  #listed(slices: readonly EndpointSlice[]): void {
    const present = new Set(slices.map((slice) => `${keyOf(slice)} ${nameOf(slice)}`));
    for (const [key, known] of this.#slices)
      for (const name of [...known.keys()]) if (!present.has(`${key} ${name}`)) this.#set(key, name, NO_PODS);
    for (const slice of slices) this.#changed(slice);
  }

  #changed(slice: EndpointSlice): void {
    this.#set(keyOf(slice), nameOf(slice), podsIn(slice));
  }

  #set(key: string, name: string, pods: readonly SlicePod[]): void {
    const known = this.#slices.get(key);
    if (pods.length > 0) {
      if (known) known.set(name, pods);
      else this.#slices.set(key, new Map([[name, pods]]));
    } else {
      if (!known?.delete(name)) return;
      if (known.size === 0) this.#slices.delete(key);
    }
    this.#onChanged(key);
  }
}

/** Removes everything from a slice that this gateway does not use: a list of many slices is large. */
export function compactSlice({ metadata, endpoints }: EndpointSlice): EndpointSlice {
  const { name, resourceVersion, labels } = metadata ?? {};
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      labels: { [LABELS.org]: labels?.[LABELS.org] ?? "", [LABELS.endpoint]: labels?.[LABELS.endpoint] ?? "" },
    },
    endpoints: endpoints ?? [],
  };
}

function podsIn({ endpoints }: EndpointSlice): readonly SlicePod[] {
  return (endpoints ?? []).flatMap(({ addresses: [host], conditions, targetRef }) => {
    if (host === undefined || targetRef?.name === undefined) return [];
    const terminating = conditions?.terminating ?? false;
    return {
      pod: targetRef.name,
      address: `${host.includes(":") ? `[${host}]` : host}:${PORT}`,
      ready: !terminating && (conditions?.ready ?? true),
      terminating,
    };
  });
}

const nameOf = ({ metadata }: KubernetesObject) => metadata?.name ?? "";

/** Returns "org/endpoint": a slice has the labels of its Service. */
const keyOf = ({ metadata }: KubernetesObject) =>
  endpointKey({ org: metadata?.labels?.[LABELS.org] ?? "", endpoint: metadata?.labels?.[LABELS.endpoint] ?? "" });

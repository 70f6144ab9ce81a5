import { type EndpointRef, endpointKey } from "@faas/core";
import { type EndpointRecord, hostnamesOf } from "./records.ts";

/** Endpoints by the hostnames in their records. */
export class HostnameOwners {
  readonly #owners = new Map<string, EndpointRef | undefined>();
  readonly #below: (hostname: string) => EndpointRef | undefined;

  /** @param below owners of the hostnames that are not in here */
  constructor(below: (hostname: string) => EndpointRef | undefined = () => undefined) {
    this.#below = below;
  }

  get(hostname: string): EndpointRef | undefined {
    return this.#owners.has(hostname) ? this.#owners.get(hostname) : this.#below(hostname);
  }

  /** Replaces the record of an endpoint; `undefined` for none. */
  replace(ref: EndpointRef, before: EndpointRecord | undefined, after: EndpointRecord | undefined): void {
    const hostnames = after ? hostnamesOf(after) : [];
    for (const hostname of before ? hostnamesOf(before) : []) {
      if (!hostnames.includes(hostname) && this.#isOwner(ref, hostname)) this.#free(hostname);
    }
    for (const hostname of hostnames) this.#owners.set(hostname, ref);
  }

  #isOwner(ref: EndpointRef, hostname: string): boolean {
    const owner = this.get(hostname);
    return owner !== undefined && endpointKey(owner) === endpointKey(ref);
  }

  #free(hostname: string): void {
    if (this.#below(hostname) === undefined) this.#owners.delete(hostname);
    else this.#owners.set(hostname, undefined);
  }
}

import { type EndpointRef, endpointKey } from "@faas/core";
import { addressesOf, type EndpointRecord } from "./records.ts";

/** Endpoints by the addresss and the paths of webhooks in their records. */
export class AddressOwners {
  readonly #owners = new Map<string, EndpointRef | undefined>();
  readonly #below: (address: string) => EndpointRef | undefined;

  /** @param below owners of the addresses that are not in here */
  constructor(below: (address: string) => EndpointRef | undefined = () => undefined) {
    this.#below = below;
  }

  get(address: string): EndpointRef | undefined {
    return this.#owners.has(address) ? this.#owners.get(address) : this.#below(address);
  }

  /** Replaces the record of an endpoint; `undefined` for none. */
  replace(ref: EndpointRef, before: EndpointRecord | undefined, after: EndpointRecord | undefined): void {
    const addresses = after ? addressesOf(ref, after) : [];
    for (const address of before ? addressesOf(ref, before) : []) {
      if (!addresses.includes(address) && this.#isOwner(ref, address)) this.#free(address);
    }
    for (const address of addresses) this.#owners.set(address, ref);
  }

  #isOwner(ref: EndpointRef, address: string): boolean {
    const owner = this.get(address);
    return owner !== undefined && endpointKey(owner) === endpointKey(ref);
  }

  #free(address: string): void {
    if (this.#below(address) === undefined) this.#owners.delete(address);
    else this.#owners.set(address, undefined);
  }
}

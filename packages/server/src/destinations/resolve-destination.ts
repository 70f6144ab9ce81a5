import type { LookupAddress } from "node:dns";
import { isIP } from "node:net";
import { type AllowedDestination, FaasError } from "@faas/core";
import { type AddressClass, classifyAddress, ownAddresses } from "./address-class.ts";
import { type Resolve, resolveHost } from "./resolve-host.ts";

/**
 * Resolves the host of a URL and checks each of its addresses. The connection must be made to these: a name can have other addresses a moment later.
 *
 * @throws DESTINATION_NOT_ALLOWED, DESTINATION_FAILED
 */
export async function resolveDestination(
  url: URL,
  { isPrivate }: AllowedDestination,
  resolve: Resolve = resolveHost,
): Promise<readonly LookupAddress[]> {
  const addresses = await addressesOf(url, resolve);
  const own = ownAddresses();
  for (const { address } of addresses) {
    const addressClass = classifyAddress(address, own);
    if (addressClass === "public" || (addressClass === "internal" && isPrivate)) continue;
    throw new FaasError(
      "DESTINATION_NOT_ALLOWED",
      `The host ${url.hostname} has the address ${address}, ${REASONS[addressClass]}`,
    );
  }
  return addresses;
}

const REASONS: Readonly<Record<Exclude<AddressClass, "public">, string>> = {
  internal:
    'which is of this machine or a private network: an admin can allow it with "private:" before the host in the list of destinations',
  forbidden: "to which no call can be passed on",
};

async function addressesOf({ hostname }: URL, resolve: Resolve): Promise<readonly LookupAddress[]> {
  const literal = hostname.replace(/^\[|\]$/g, "");
  const family = isIP(literal);
  if (family !== 0) return [{ address: literal, family }];
  const addresses = await resolve(hostname).catch((cause: NodeJS.ErrnoException) => {
    throw new FaasError(
      "DESTINATION_FAILED",
      `The name ${hostname} could not be resolved: ${cause.code ?? cause.message}`,
      { cause },
    );
  });
  if (addresses.length === 0) throw new FaasError("DESTINATION_FAILED", `The name ${hostname} has no address`);
  return addresses;
}

import { promises as dns, type LookupAddress } from "node:dns";

/** Returns all addresses of a host. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** Time for the first try of a query; the second one has twice as much. */
const TIMEOUT_MS = 2_000;
const TRIES = 2;
/** Addresses of the names of this machine (RFC 6761 section 6.3). */
const LOOPBACK: readonly LookupAddress[] = [
  { address: "127.0.0.1", family: 4 },
  { address: "::1", family: 6 },
];
const LOCALHOST = /(?:^|\.)localhost\.?$/;

/**
 * Resolves a host by DNS. `dns.lookup` would wait in a thread of the pool that the server's files need too, where a few slow name servers can hold up
 * every write; so the hosts file of the machine is not used.
 *
 * @param servers name servers. Absent: those of the machine
 */
export async function resolveHost(hostname: string, servers?: readonly string[]): Promise<readonly LookupAddress[]> {
  if (LOCALHOST.test(hostname)) return LOOPBACK;
  const resolver = new dns.Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  if (servers !== undefined) resolver.setServers(servers);
  const results = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  const addresses = results.flatMap((result, i) =>
    result.status === "fulfilled" ? result.value.map((address) => ({ address, family: i === 0 ? 4 : 6 })) : [],
  );
  if (addresses.length > 0) return addresses;
  const reasons = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  throw reasons.find(({ code }) => code !== dns.NODATA) ?? reasons[0];
}

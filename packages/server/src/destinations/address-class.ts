import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/**
 * Classes of addresses that a URL can lead to. `public`: anywhere on the internet. `internal`: this machine, a private network or a cluster; only an admin
 * can allow those. `forbidden`: metadata services of clouds, multicast, and addresses that stand for others; nobody can allow them.
 */
export type AddressClass = "public" | "internal" | "forbidden";

/** Internal ranges (RFC 6890, RFC 1918, RFC 6598, RFC 4193). */
const INTERNAL = blockList(
  ["127.0.0.0", 8],
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
  ["198.18.0.0", 15],
  ["::1", 128],
  ["fc00::", 7],
);

/** Ranges within internal and public ones that nobody can allow: metadata services, and addresses that a router translates to others. */
const FORBIDDEN = blockList(
  ["100.100.100.200", 32],
  ["fd00:ec2::254", 128],
  ["0.0.0.0", 8],
  ["169.254.0.0", 16],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
);

/** Global unicast addresses. All others of IPv6 that are not internal are forbidden: link-local, multicast, mapped and translated IPv4 addresses. */
const GLOBAL_IPV6 = blockList(["2000::", 3]);

/**
 * Returns the class of an IP address.
 *
 * @param own addresses of this machine and its cluster, which count as internal
 */
export function classifyAddress(address: string, own: ReadonlySet<string> = NONE): AddressClass {
  const version = isIP(address);
  if (version === 0) return "forbidden";
  const family = version === 4 ? "ipv4" : "ipv6";
  if (version === 6 && isMapped(address)) return "forbidden";
  if (FORBIDDEN.check(address, family)) return "forbidden";
  if (INTERNAL.check(address, family) || own.has(address)) return "internal";
  return version === 4 || GLOBAL_IPV6.check(address, "ipv6") ? "public" : "forbidden";
}

const NONE: ReadonlySet<string> = new Set();

/** Returns the addresses of this machine, and of the API server of its cluster. */
export function ownAddresses(): ReadonlySet<string> {
  const { KUBERNETES_SERVICE_HOST: apiServer } = process.env;
  const interfaces = Object.values(networkInterfaces()).flatMap((each = []) => each.map(({ address }) => address));
  return new Set(apiServer === undefined ? interfaces : [...interfaces, apiServer]);
}

/** True for an IPv6 address with an IPv4 address in it (RFC 4291 section 2.5.5): `BlockList` compares those with the ranges of IPv4. */
function isMapped(address: string): boolean {
  return MAPPED.check(address, "ipv6");
}

const MAPPED = blockList(["::ffff:0:0", 96]);

function blockList(...ranges: readonly (readonly [address: string, prefix: number])[]): BlockList {
  const list = new BlockList();
  for (const [address, prefix] of ranges) list.addSubnet(address, prefix, isIP(address) === 4 ? "ipv4" : "ipv6");
  return list;
}

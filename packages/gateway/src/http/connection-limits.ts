import { readFileSync } from "node:fs";

/** Limits on the number of connected clients. */
export interface ConnectionLimits {
  readonly total: number;
  /** Limit per IPv4 address or per IPv6 network of 64 bits. */
  readonly perAddress: number;
}

/** Open files that the server and its functions need besides connections. */
const OTHER_FILES = 512;
/** An idle connection takes about 10 KiB of memory. */
const MAX_TOTAL = 20_000;
const MIN_TOTAL = 64;
/** Default for systems that do not report how many files may be open. */
const OPEN_FILES_UNKNOWN = 4_096;

/**
 * Derives missing limits. A request in flight takes two connections, its client's and one to a replica, so half of the open files are for clients; one address may
 * have half of these.
 */
export function connectionLimits(
  { total, perAddress }: Partial<ConnectionLimits> = {},
  openFiles = maxOpenFiles(),
): ConnectionLimits {
  const limit = total ?? Math.max(MIN_TOTAL, Math.min(MAX_TOTAL, Math.floor((openFiles - OTHER_FILES) / 2)));
  return { total: limit, perAddress: perAddress ?? Math.max(1, Math.ceil(limit / 2)) };
}

/** Returns how many files this process may have open. Node raises the soft limit to the hard one. */
function maxOpenFiles(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
    return soft === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(soft ?? OPEN_FILES_UNKNOWN);
  } catch {
    return OPEN_FILES_UNKNOWN;
  }
}

/** Returns what counts as one address: an IPv6 client has 2^64 of them. */
export function addressGroup(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const plain = address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
  if (!plain.includes(":")) return plain;
  const [head = "", tail] = plain.replace(/%.*$/, "").split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? [] : tail.split(":");
    while (groups.length + after.length < 8) groups.push("0");
    groups.push(...after);
  }
  return `${groups.slice(0, 4).join(":")}::/64`;
}

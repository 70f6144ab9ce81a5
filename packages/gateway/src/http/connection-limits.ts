import { readFileSync } from "node:fs";

/** How many clients may be connected. */
export interface ConnectionLimits {
  readonly total: number;
  /** Of one IPv4 address, or of one IPv6 network of 64 bits. */
  readonly perAddress: number;
}

/** Files that the server and its functions need beside connections. */
const OTHER_FILES = 512;
/** An idle one takes about 10 KiB of memory. */
const MAX_TOTAL = 20_000;
const MIN_TOTAL = 64;
/** Where the system does not say how many files may be open. */
const OPEN_FILES_UNKNOWN = 4_096;

/** A request in flight takes two connections: its client's, and one to a replica. So half of the files that may be open; of these half an address. */
export function connectionLimits(
  { total, perAddress }: Partial<ConnectionLimits> = {},
  openFiles = openFilesMost(),
): ConnectionLimits {
  const most = total ?? Math.max(MIN_TOTAL, Math.min(MAX_TOTAL, Math.floor((openFiles - OTHER_FILES) / 2)));
  return { total: most, perAddress: perAddress ?? Math.max(1, Math.ceil(most / 2)) };
}

/** Of this process. Node raises it to what the system allows. */
function openFilesMost(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
    return soft === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(soft ?? OPEN_FILES_UNKNOWN);
  } catch {
    return OPEN_FILES_UNKNOWN;
  }
}

/** What counts as one address: an IPv6 client has 2^64 of them. */
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

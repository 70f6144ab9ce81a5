const PIECE_BYTES = 64 * 1024;
/** As many as wait here for their next use: 4 MiB. */
const MAX_KEPT = 64;
/** Smaller ones are cheap to make. */
const POOLED_LEAST_BYTES = 4 * 1024;

const free: Buffer[] = [];

/**
 * A copy of bytes that are about to be overwritten, in memory that is used again and again: pieces of large bodies would keep the garbage collector
 * busy otherwise. `done` gives the memory back; who never calls it leaves it to the collector.
 */
export function copyOf(bytes: Buffer): { readonly copy: Buffer; readonly done?: () => void } {
  if (bytes.length < POOLED_LEAST_BYTES || bytes.length > PIECE_BYTES) return { copy: Buffer.from(bytes) };
  const piece = free.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
  bytes.copy(piece);
  const done = () => {
    if (free.length < MAX_KEPT) free.push(piece);
  };
  return { copy: piece.subarray(0, bytes.length), done };
}

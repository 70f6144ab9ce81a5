const BUFFER_BYTES = 64 * 1024;
/** Free buffers that are kept: 4 MiB. */
const MAX_FREE = 64;
/** Smaller copies are cheap to allocate. */
const MIN_POOLED_BYTES = 4 * 1024;

const free: Buffer[] = [];

/**
 * Copies bytes that are about to be overwritten into reused memory: chunks of large bodies would keep the garbage collector busy otherwise. `done` returns the
 * memory to the pool; if it is never called, the memory is garbage-collected.
 */
export function copyOf(bytes: Buffer): { readonly copy: Buffer; readonly done?: () => void } {
  if (bytes.length < MIN_POOLED_BYTES || bytes.length > BUFFER_BYTES) return { copy: Buffer.from(bytes) };
  const buffer = free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  bytes.copy(buffer);
  const done = () => {
    if (free.length < MAX_FREE) free.push(buffer);
  };
  return { copy: buffer.subarray(0, bytes.length), done };
}

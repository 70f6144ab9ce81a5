import type { OutgoingHttpHeaders } from "node:http";
import { codingsOf, loadZlib } from "../request/content-encoding.ts";
import type { Source } from "./stream.ts";

// Functions pass on what an HTTP client gave them: the client has decoded the body, and its headers still name the encoding. Only a body that
// does not have the encoding loses the header; a body that the function has encoded itself is sent as it is.

/** Codings that fetch decodes; others are looked for in the body. */
const DECODED_BY_FETCH = ["gzip", "x-gzip", "deflate", "br"];
/** Bytes of a body that are looked at. */
const SAMPLE_BYTES = 16 * 1024;

/** Tests whether a response comes from fetch, which has decoded its body. A response made by the function has the type "default". */
export function isDecodedByFetch({ type, headers }: Response): boolean {
  if (type === "default") return false;
  return codingsOf(headers.get("content-encoding") ?? "").every((coding) => DECODED_BY_FETCH.includes(coding));
}

/** Removes the Content-Encoding header `name` if a body does not have that encoding. */
export function removeMissingEncoding(headers: OutgoingHttpHeaders, name: string, body: unknown): void {
  const coding = codingsOf(String(headers[name])).at(-1);
  const isEncoded = ArrayBuffer.isView(body)
    ? coding === undefined || hasCoding(new Uint8Array(body.buffer, body.byteOffset, body.byteLength), coding)
    : false;
  if (!isEncoded) delete headers[name];
}

/** Does the same as `removeMissingEncoding` by the first chunk of a stream. Returns the stream with that chunk. */
export async function removeMissingEncodingOf(
  source: Source,
  headers: OutgoingHttpHeaders,
  name: string,
): Promise<Source> {
  const chunks = (async function* () {
    yield* source;
  })();
  let first: IteratorResult<unknown> | undefined = await chunks.next();
  while (!first.done && (first.value as { length?: number } | null)?.length === 0) first = await chunks.next();
  if (!first.done) removeMissingEncoding(headers, name, first.value);
  return {
    [Symbol.asyncIterator]() {
      return this as unknown as AsyncIterator<unknown>;
    },
    next() {
      const result = first;
      first = undefined;
      return result === undefined ? chunks.next() : Promise.resolve(result);
    },
    return: () => chunks.return(undefined),
  } as Source;
}

/** Tests whether bytes can be the beginning of a body with a coding. Unknown codings are assumed. */
function hasCoding(bytes: Uint8Array, coding: string): boolean {
  if (coding === "gzip" || coding === "x-gzip") return startsWith(bytes, [0x1f, 0x8b]);
  if (coding === "zstd") return startsWith(bytes, [0x28, 0xb5, 0x2f, 0xfd]);
  const zlib = loadZlib();
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  try {
    if (coding === "br") {
      zlib.brotliDecompressSync(sample, {
        finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH,
        maxOutputLength: SAMPLE_BYTES,
      });
    } else if (coding === "deflate" && !isZlib(bytes)) {
      zlib.inflateRawSync(sample, { finishFlush: zlib.constants.Z_SYNC_FLUSH, maxOutputLength: SAMPLE_BYTES });
    }
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
  }
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => index >= bytes.length || bytes[index] === byte);
}

/** Tests for the header of RFC 1950. */
function isZlib([first = 0, second = 0]: Uint8Array): boolean {
  return (first & 15) === 8 && (first * 256 + second) % 31 === 0;
}

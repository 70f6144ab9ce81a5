import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import { messageOf, Problem } from "../problem.ts";
import { ACCEPTED_ENCODINGS } from "../response/problem.ts";
import { bodyTooLarge, chunksOf, declaresTooLarge, limitedChunks } from "./body-limit.ts";

type Zlib = typeof import("node:zlib");

/** Content codings of request bodies, besides `identity`: each name with what makes its decoder, by the body's first byte. */
const DECODERS: Readonly<Record<string, (zlib: Zlib, firstByte: number) => Transform>> = {
  gzip: (zlib) => zlib.createGunzip(),
  "x-gzip": (zlib) => zlib.createGunzip(),
  // Some clients send it without the zlib header, whose low bits are 8 (RFC 1950 section 2.2).
  deflate: (zlib, firstByte) => ((firstByte & 15) === 8 ? zlib.createInflate() : zlib.createInflateRaw()),
  br: (zlib) => zlib.createBrotliDecompress(),
};

/** Maximum number of codings of one body: each is work, and more than one is rare. */
const MAX_CODINGS = 3;

/** Returns zlib, loaded on demand: most functions never need it, and every start would pay for it. */
export function loadZlib(): Zlib {
  return process.getBuiltinModule("node:zlib");
}

/** Splits a Content-Encoding header into its codings, in the order in which they were applied. */
export function codingsOf(header: string): string[] {
  const names = header.split(",").map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== "" && name !== "identity");
}

/**
 * Iterates over the decoded body of a request with a Content-Encoding header.
 *
 * @throws UNSUPPORTED_MEDIA_TYPE for a coding that the wrapper cannot decode, before anything is read.
 * @throws BODY_TOO_LARGE while iterating, as soon as the encoded or the decoded body is over the limit.
 * @throws INVALID_REQUEST while iterating, if the body does not have the coding.
 */
export function decodedChunks(request: IncomingMessage, header: string): AsyncIterable<Buffer> {
  const codings = codingsOf(header);
  const unknown = codings.find((name) => !Object.hasOwn(DECODERS, name));
  if (unknown !== undefined) {
    throw new Problem(
      "UNSUPPORTED_MEDIA_TYPE",
      `The body has Content-Encoding "${unknown}", which cannot be decoded. Send it with ${ACCEPTED_ENCODINGS}, or without`,
    );
  }
  if (codings.length > MAX_CODINGS)
    throw new Problem("INVALID_REQUEST", `Expected at most ${MAX_CODINGS} content codings, got ${codings.length}`);
  let chunks = limitedChunks(chunksOf(request));
  for (const coding of codings.reverse()) chunks = limitedChunks(decode(chunks, coding));
  return chunks;
}

async function* decode(encoded: AsyncGenerator<Buffer>, coding: string): AsyncGenerator<Buffer> {
  const { value: first } = await encoded.next();
  if (first === undefined) return;
  const decoder = DECODERS[coding]?.(loadZlib(), first[0]) as Transform;
  const { pipeline, Readable } = process.getBuiltinModule("node:stream");
  const source = Readable.from(
    (async function* () {
      yield first;
      yield* encoded;
    })(),
  );
  try {
    yield* pipeline(source, decoder, () => {}) as AsyncIterable<Buffer>;
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem("INVALID_REQUEST", `The body is not valid ${coding}: ${messageOf(error)}`);
  }
}

/**
 * Reads the whole body of a request with a Content-Encoding header, decoded. The headers that describe the encoded body are removed.
 *
 * @throws BODY_TOO_LARGE, INVALID_REQUEST, UNSUPPORTED_MEDIA_TYPE
 */
export async function readEncoded(request: IncomingMessage, encoding: string): Promise<Buffer> {
  if (declaresTooLarge(request)) throw bodyTooLarge();
  const chunks: Buffer[] = [];
  for await (const chunk of decodedChunks(request, encoding)) chunks.push(chunk);
  delete request.headers["content-encoding"];
  delete request.headers["content-length"];
  return Buffer.concat(chunks);
}

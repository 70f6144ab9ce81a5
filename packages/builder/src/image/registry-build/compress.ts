import { createHash, type Hash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Layer } from "../layer.ts";

/** A layer that is compressed when its digest is needed: an image that the registry has needs none. */
export interface PushableLayer {
  /** `sha256:…` of the tar. */
  readonly diffId: string;
  compressed(): Promise<CompressedLayer>;
}

/** A layer in a file, as a registry stores it. */
export interface CompressedLayer {
  readonly file: string;
  /** `sha256:…` of the tar. */
  readonly diffId: string;
  /** `sha256:…` of the compressed tar. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Level of compression: bytes depend on it, but not on the version of Node. */
const LEVEL = 6;

/** Makes a layer of a tar in a file, which is compressed beside it, once. */
export function pushableLayer({ file, diffId }: Pick<Layer, "file" | "diffId">, signal?: AbortSignal): PushableLayer {
  let compressing: Promise<CompressedLayer> | undefined;
  return {
    diffId,
    compressed() {
      compressing ??= compressLayer(createReadStream(file), `${file}.gz`, signal);
      return compressing;
    },
  };
}

/** Compresses a tar into a file and computes both digests on the way. */
export async function compressLayer(tar: Readable, file: string, signal?: AbortSignal): Promise<CompressedLayer> {
  const plain = createHash("sha256");
  const compressed = createHash("sha256");
  await pipeline(
    [tar, hashing(plain), createGzip({ level: LEVEL }), hashing(compressed), createWriteStream(file)],
    signal ? { signal } : {},
  );
  const { size } = await stat(file);
  return { file, diffId: digestOf(plain), digest: digestOf(compressed), sizeBytes: size };
}

const digestOf = (hash: Hash) => `sha256:${hash.digest("hex")}`;

function hashing(hash: Hash): Transform {
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      hash.update(piece);
      done(null, piece);
    },
  });
}

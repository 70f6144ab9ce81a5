import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { ImageProgress } from "../../docker/layer-progress.ts";
import { hasBlob, mountBlob, openBlob } from "../../registry/api/blobs.ts";
import type { RegistrySession } from "../../registry/api/session.ts";
import { type BlobSource, uploadBlob } from "../../registry/api/upload.ts";
import type { BlobLocations } from "./blob-locations.ts";
import type { PlatformImage } from "./image-manifest.ts";

/** Layers that are sent at the same time. */
const CONCURRENCY = 4;
/** Up to this size, sending a layer takes no longer than asking for it first. */
const SMALL_BYTES = 64 * 1024;

/** A blob to be pushed. */
interface PushedBlob extends BlobSource {
  /** Repository of the same registry that may have it. */
  readonly from?: string;
  readonly isLayer: boolean;
  /** True if the registry probably lacks it, and sending it takes no longer than asking for it. */
  readonly isNew: boolean;
}

export interface PushBlobsOptions {
  readonly session: RegistrySession;
  readonly repository: string;
  readonly locations: BlobLocations;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
}

/**
 * Makes a repository have all layers and configurations of images: those that it lacks are mounted from another repository of the registry, or sent as a
 * stream from a file or from the registry of the base image.
 *
 * @throws REGISTRY_DENIED, REGISTRY_UNREACHABLE, PUSH_FAILED
 */
export async function pushBlobs(images: readonly PlatformImage[], options: PushBlobsOptions): Promise<void> {
  const blobs = new Map<string, PushedBlob>();
  for (const image of images) for (const blob of await blobsOf(image, options)) blobs.set(blob.digest, blob);
  const waiting = [...blobs.values()].sort((a, b) => b.sizeBytes - a.sizeBytes);
  const progress = new TransferProgress(waiting, options.onProgress);
  // The first failure ends the others: nobody needs their layers.
  const results = await Promise.allSettled(
    Array.from({ length: CONCURRENCY }, async () => {
      try {
        for (let blob = waiting.shift(); blob; blob = waiting.shift()) await pushBlob(blob, options, progress);
      } catch (error) {
        waiting.length = 0;
        throw error;
      }
    }),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function pushBlob(
  blob: PushedBlob,
  { session, repository, locations }: PushBlobsOptions,
  progress: TransferProgress,
): Promise<void> {
  const { digest, isNew } = blob;
  if (isNew) await uploadBlob(session, repository, blob);
  else if (!(await hasBlob(session, repository, digest))) {
    const other = blob.from ?? (await locations.find(session.host, digest));
    const isElsewhere = other !== undefined && other !== repository;
    const upload = isElsewhere ? await mountBlob(session, repository, digest, other) : {};
    if (upload !== "mounted") {
      progress.begin(blob);
      await uploadBlob(session, repository, blob, { ...upload, onSent: (bytes) => progress.sent(digest, bytes) });
    }
    await locations.remember(session.host, digest, repository);
  }
  progress.done(digest);
}

async function blobsOf({ base, layers, config }: PlatformImage, { session }: PushBlobsOptions): Promise<PushedBlob[]> {
  const compressed = await Promise.all(layers.map((layer) => layer.compressed()));
  const text = Buffer.from(config.text);
  return [
    ...base.layers.map(({ digest, size }) => ({
      ...{ digest, sizeBytes: size, isLayer: true, isNew: false },
      ...(base.session.host === session.host ? { from: base.repository } : {}),
      open: (start: number, end: number) => openRange(base, digest, start, end),
    })),
    ...compressed.map(({ digest, sizeBytes, file }) => ({
      ...{ digest, sizeBytes, isLayer: true, isNew: sizeBytes <= SMALL_BYTES },
      open: async (start: number, end: number) => createReadStream(file, { start, end: end - 1 }),
    })),
    {
      ...{ digest: config.id, sizeBytes: text.length, isLayer: false, isNew: true },
      open: async (start: number, end: number) => Readable.from([text.subarray(start, end)]),
    },
  ];
}

/** Reads a part of a layer of the base image. */
async function openRange(base: PlatformImage["base"], digest: string, start: number, end: number): Promise<Readable> {
  const source = await openBlob(base.session, base.repository, digest, start);
  async function* part() {
    let left = end - start;
    for await (const piece of source as AsyncIterable<Buffer>) {
      yield piece.subarray(0, left);
      left -= piece.length;
      if (left <= 0) return;
    }
  }
  return Readable.from(part());
}

/** Adds up the progress of all layers. */
class TransferProgress {
  readonly #layers: ReadonlySet<string>;
  readonly #report: ((progress: ImageProgress) => void) | undefined;
  readonly #sent = new Map<string, { sent: number; total: number }>();
  readonly #done = new Set<string>();

  constructor(blobs: readonly PushedBlob[], report: ((progress: ImageProgress) => void) | undefined) {
    this.#layers = new Set(blobs.filter(({ isLayer }) => isLayer).map(({ digest }) => digest));
    this.#report = report;
  }

  begin({ digest, sizeBytes, isLayer }: PushedBlob): void {
    if (isLayer) this.#sent.set(digest, { sent: 0, total: sizeBytes });
  }

  sent(digest: string, bytes: number): void {
    const layer = this.#sent.get(digest);
    if (layer === undefined) return;
    layer.sent = bytes;
    this.#notify();
  }

  done(digest: string): void {
    if (!this.#layers.has(digest)) return;
    this.#done.add(digest);
    this.#notify();
  }

  #notify(): void {
    const layers = [...this.#sent.values()];
    this.#report?.({
      layers: this.#layers.size,
      layersDone: this.#done.size,
      movedBytes: layers.reduce((sum, { sent }) => sum + sent, 0),
      totalBytes: layers.reduce((sum, { total }) => sum + total, 0),
    });
  }
}

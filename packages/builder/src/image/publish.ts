import { FaasError, type WarmImage } from "@faas/core";
import { FindOrCreate } from "../dependencies/find-or-create.ts";
import type { ResolvedImageOptions } from "./image-options.ts";
import type { PreparedImage } from "./prepared-image.ts";
import type { ImageName, RegistryNames } from "./registry-names.ts";
import type { PreparedWarmPart } from "./warm/warm-image.ts";

/** Image in the registry, or in the Docker engine. */
export interface PublishedImage {
  /** By digest after a push, else the name in the Docker engine. */
  readonly reference: string;
  /** Name with the tag. */
  readonly tagged: string;
  /** False when the registry already had the image, or no push was requested. */
  readonly pushed: boolean;
  /** Absent: warm pods cannot run the function. */
  readonly warm?: WarmImage;
  readonly warnings: readonly string[];
}

/** Registry that images are pushed to, by the engine or by this process. */
export interface PushTarget<Image> {
  readonly names: RegistryNames;
  /** Returns the digest of the image's manifest; undefined if the registry lacks the image. */
  find(name: ImageName, image: Image): Promise<string | undefined>;
  /** Pushes an image, and returns the digest of its manifest. */
  push(name: ImageName, image: Image, onProgress?: ResolvedImageOptions["onProgress"]): Promise<string>;
}

type WithId = Pick<PreparedImage, "imageId">;

/** An image that can be pushed, and the image for warm pods. */
type PublishableImage<Image> = Image & {
  readonly warnings: readonly string[];
  readonly warm?: Image & PreparedWarmPart;
};

/** Pushes an image and what warm pods need, as far as the registry lacks it. The code for warm pods is uploaded during the push. */
export async function publishToRegistry<Image extends WithId>(
  target: PushTarget<Image>,
  image: PublishableImage<Image>,
  options: ResolvedImageOptions,
): Promise<PublishedImage> {
  options.onStage?.("push");
  const { org, endpoint, tag = tagOf(image), signal, onProgress } = options;
  const { warm } = image;
  const beside = warm && Promise.allSettled([options.uploadCode?.(warm.code), target.find(warmName(warm, org), warm)]);
  const name = { repository: `${org}/${endpoint}`, tag };
  const existing = await target.find(name, image);
  const digest = existing ?? (await target.push(name, image, onProgress));
  const published = {
    reference: target.names.reference(name, digest),
    tagged: target.names.tagged(name),
    pushed: existing === undefined,
    warnings: image.warnings,
  };
  if (!warm || !beside) return published;
  try {
    const [uploaded, found] = await beside;
    if (uploaded.status === "rejected") throw uploaded.reason;
    if (found.status === "rejected") throw found.reason;
    return { ...published, warm: await publishWarmImage(target, warm, org, found.value, signal) };
  } catch (error) {
    signal?.throwIfAborted();
    // The function runs without warm pods too.
    if (!(error instanceof FaasError)) throw error;
    return { ...published, warnings: [...image.warnings, `cold starts use no warm pods: ${error.message}`] };
  }
}

/** Images of warm pods that this process pushes, by their names: functions of one project often have the same. */
const warmImages = new FindOrCreate<string>();

/** Pushes the image of warm pods if the registry lacks it. It comes after that of the function, so that the registry has its large layers already. */
async function publishWarmImage<Image extends WithId>(
  target: PushTarget<Image>,
  warm: Image & PreparedWarmPart,
  org: string,
  existing: string | undefined,
  signal: AbortSignal | undefined,
): Promise<WarmImage> {
  const name = warmName(warm, org);
  const find = () => target.find(name, warm);
  const digest =
    existing ?? (await warmImages.run(target.names.tagged(name), find, () => target.push(name, warm), signal));
  const image = target.names.reference(name, digest);
  return { image, code: warm.code.digest, ...(warm.hasDependencies ? { hasDependencies: true } : {}) };
}

/** Returns the tag of an image, which identifies its content. */
export const tagOf = ({ imageId }: WithId): string => imageId.slice("sha256:".length, "sha256:".length + 12);

const warmName = (warm: WithId & PreparedWarmPart, org: string): ImageName => ({
  repository: `${org}/${warm.repository}`,
  tag: tagOf(warm),
});

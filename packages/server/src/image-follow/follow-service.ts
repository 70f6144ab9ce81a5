import type { ResolvedTag } from "@faas/builder/registry";
import {
  type Artifact,
  type CanaryRequest,
  type EndpointRef,
  type ErrorCode,
  endpointKey,
  FaasError,
  type FollowView,
  type ImageFollow,
  type Logger,
  type Platform,
} from "@faas/core";
import type { CanaryService } from "../canary/canary-service.ts";
import type { DeploymentController } from "../deployments/controller.ts";
import { type AllowedImages, checkImage } from "../deployments/image-policy.ts";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import type { EndpointRecord } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import {
  followedImage,
  imageWithDigest,
  type OrganizationImage,
  type RegistryView,
  resolveImage,
  tagOf,
} from "./followed-tag.ts";
import { isAbout, type RegistryPush } from "./registry-push.ts";
import { failureOf, TagWatch } from "./tag-watch.ts";

export interface FollowServiceOptions {
  readonly store: Pick<Store, "endpoint" | "endpoints" | "changeEndpoint">;
  readonly deployments: Pick<DeploymentController, "deploy">;
  readonly canaries: Pick<CanaryService, "deploy">;
  readonly platform: Pick<Platform, "name" | "accepts">;
  readonly allowedImages: AllowedImages;
  readonly registry: RegistryView;
  readonly log: Logger;
  /**
   * Time between two checks of a tag.
   *
   * @defaultValue a minute
   */
  readonly intervalMs?: number;
}

/** A tag that an endpoint is about to follow, and the image that has it now. */
export interface FollowStart {
  readonly artifact: Artifact;
  readonly follow: ImageFollow;
}

/** An image with the endpoints of an organization that follow it. Another organization may have no access to it, and asks by itself. */
interface Followed extends OrganizationImage {
  readonly watch: TagWatch<ResolvedTag>;
  readonly refs: Map<string, EndpointRef>;
}

/** Errors of a deployment that may succeed later without a change of the image. */
const TRANSIENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "DEPLOYMENT_IN_PROGRESS",
  "CLUSTER_UNREACHABLE",
  "CLUSTER_FORBIDDEN",
  "NAMESPACE_TERMINATING",
  "LIMIT_EXCEEDED",
  "SECRET_NOT_FOUND",
]);

/** Deploys the images that get the tags which endpoints follow (docs/decisions/0054-image-follow.md). */
export class FollowService implements AsyncDisposable {
  readonly #options: FollowServiceOptions;
  readonly #followed = new Map<string, Followed>();
  /** Serializes the deployments of one endpoint by requests with those that follow its tag. */
  readonly #mutex = new KeyedMutex();
  readonly #stopping = new AbortController();

  constructor(options: FollowServiceOptions) {
    this.#options = options;
  }

  /** Follows the tags in the stored state. */
  start(): void {
    for (const [ref, { follow }] of this.#options.store.endpoints()) if (follow) this.#add(ref, follow.image);
  }

  /** Stops to follow; the next server on the data folder continues. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await Promise.all(Array.from(this.#followed.values(), ({ watch }) => watch[Symbol.asyncDispose]()));
  }

  /**
   * Finds the image of a tag that an endpoint is to follow. Registries that the organization's images may not come from are not asked.
   *
   * @throws INVALID_REQUEST, ARTIFACT_UNSUPPORTED, IMAGE_NOT_ALLOWED, CLUSTER_*, REGISTRY_UNREACHABLE, REGISTRY_DENIED, IMAGE_NOT_FOUND
   */
  async resolve(ref: EndpointRef, artifact: Artifact | undefined, canary?: CanaryRequest): Promise<FollowStart> {
    const image = this.check(ref, artifact);
    const { signal } = this.#stopping;
    const { digest } = await resolveImage({ org: ref.org, image }, this.#options.registry, { signal });
    return { artifact: imageWithDigest(image, digest), follow: { image, digest, ...(canary && { canary }) } };
  }

  /**
   * Checks that an endpoint may follow the tag of an image, which is returned.
   *
   * @throws INVALID_REQUEST, ARTIFACT_UNSUPPORTED, IMAGE_NOT_ALLOWED
   */
  check(ref: EndpointRef, artifact: Artifact | undefined): string {
    const { platform, allowedImages } = this.#options;
    if (platform.accepts !== "image")
      throw new FaasError(
        "ARTIFACT_UNSUPPORTED",
        `The ${platform.name} platform runs bundles, which have no tags to follow; images run on the kubernetes platform`,
      );
    const image = followedImage(artifact);
    checkImage(image, ref.org, allowedImages);
    return image;
  }

  /** Runs a deployment that somebody requests, and stores which tag the endpoint follows afterwards: none without `follow`. */
  async deploying<Result>(
    ref: EndpointRef,
    follow: ImageFollow | undefined,
    deploy: () => Promise<Result>,
  ): Promise<Result> {
    return this.#mutex.run(endpointKey(ref), async () => {
      const result = await deploy();
      await this.#options.store.changeEndpoint(ref, (record) => record && withFollow(record, follow));
      if (follow) this.#add(ref, follow.image);
      return result;
    });
  }

  /** Checks the tags of pushed images at the registry, and returns how many: each organization's by itself. */
  notified(pushes: readonly RegistryPush[]): number {
    let count = 0;
    for (const { image, watch } of this.#followed.values()) {
      if (!pushes.some((push) => isAbout(push, image))) continue;
      count++;
      void watch.notified();
    }
    return count;
  }

  /** Shows what an endpoint follows; undefined without. */
  view(org: string, { follow }: EndpointRecord): FollowView | undefined {
    if (follow === undefined) return undefined;
    const { watch } = this.#followed.get(keyOf({ org, image: follow.image })) ?? {};
    const { checkedAt, notifiedAt, failure = follow.failure } = watch ?? {};
    const { failure: _, ...rest } = follow;
    return {
      ...rest,
      ...(checkedAt === undefined ? {} : { checkedAt }),
      ...(notifiedAt === undefined ? {} : { notifiedAt }),
      ...(failure === undefined ? {} : { failure }),
    };
  }

  #add(ref: EndpointRef, image: string): void {
    const followed = { org: ref.org, image };
    const existing = this.#followed.get(keyOf(followed));
    if (existing) existing.refs.set(endpointKey(ref), ref);
    if (existing || this.#stopping.signal.aborted) return;
    const { registry, log, intervalMs = 60_000 } = this.#options;
    const { signal } = this.#stopping;
    const refs = new Map([[endpointKey(ref), ref]]);
    const watch = new TagWatch<ResolvedTag>({
      ...{ image, log, intervalMs },
      resolve: (known) => resolveImage(followed, registry, { known, signal }),
      deploy: (digest) => this.#deployAll(followed, refs, digest),
    });
    this.#followed.set(keyOf(followed), { ...followed, watch, refs });
    watch.start();
  }

  /** Deploys an image to the endpoints that follow its tag. Returns false if one of them has to be tried again. */
  async #deployAll(of: OrganizationImage, refs: Map<string, EndpointRef>, digest: string): Promise<boolean> {
    let isDone = true;
    for (const [key, ref] of [...refs]) {
      if (this.#stopping.signal.aborted) return false;
      const outcome = await this.#mutex.run(key, () => this.#deploy(ref, of.image, digest));
      if (outcome === "retry") isDone = false;
      if (outcome === "not followed") refs.delete(key);
    }
    if (refs.size === 0) this.#forget(of);
    return isDone;
  }

  #forget(image: OrganizationImage): void {
    const followed = this.#followed.get(keyOf(image));
    this.#followed.delete(keyOf(image));
    // Not awaited: this is called by the watch.
    void followed?.watch[Symbol.asyncDispose]();
  }

  async #deploy(ref: EndpointRef, image: string, digest: string): Promise<"done" | "retry" | "not followed"> {
    const { store, deployments, canaries, log } = this.#options;
    const follow = store.endpoint(ref)?.follow;
    if (follow?.image !== image) return "not followed";
    if (follow.digest === digest) return "done";
    const { canary } = follow;
    const fields = { ...ref, image, digest };
    const next: ImageFollow = { image, digest, ...(canary && { canary }) };
    try {
      const origin = { at: new Date().toISOString(), message: `the tag ${tagOf(image)} is now ${digest}` };
      const request = { ref, artifact: imageWithDigest(image, digest), change: {}, origin };
      const { revision } = canary ? await canaries.deploy(request, canary) : await deployments.deploy(request);
      log.info({ ...fields, revision }, "a followed tag has moved: deployment begun");
      await this.#store(ref, next);
      return "done";
    } catch (error) {
      if (this.#stopping.signal.aborted) return "retry";
      log.warn({ ...fields, err: error }, "failed to deploy the image of a followed tag");
      const isTransient = error instanceof FaasError && TRANSIENT.has(error.code);
      // The digest before stays the last one if this one is tried again.
      await this.#store(ref, { ...(isTransient ? follow : next), failure: failureOf(error) });
      return isTransient ? "retry" : "done";
    }
  }

  async #store(ref: EndpointRef, follow: ImageFollow): Promise<void> {
    await this.#options.store.changeEndpoint(ref, (record) =>
      record?.follow?.image === follow.image ? withFollow(record, follow) : record,
    );
  }
}

const keyOf = ({ org, image }: OrganizationImage) => `${org} ${image}`;

function withFollow(record: EndpointRecord, follow: ImageFollow | undefined): EndpointRecord {
  if (follow === undefined && record.follow === undefined) return record;
  const { follow: _, ...rest } = record;
  return follow === undefined ? rest : { ...rest, follow };
}

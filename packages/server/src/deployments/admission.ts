import {
  type Artifact,
  bundleOf,
  checkSchedules,
  type EndpointRef,
  endpointKey,
  endpointSpec,
  FaasError,
  type Platform,
  type Settings,
  settingsProblem,
} from "@faas/core";
import { checkPath } from "@faas/gateway";
import type { BundleStore } from "../bundles/bundle-store.ts";
import type { StorageQuota } from "../bundles/storage-quota.ts";
import { checkDestinationsAllowed } from "../destinations/destination-policy.ts";
import { checkToolSchemas } from "../mcp/tools.ts";
import { queueStreamOf } from "../queue/nats/queue-url.ts";
import { newestVersions } from "../state/secret-records.ts";
import type { Store } from "../state/store.ts";
import { checkSourcesAllowed } from "../triggers/sources/source-policy.ts";
import { checkAddressesFree } from "./hook-policy.ts";
import { checkHostnamesAllowed } from "./hostname-policy.ts";
import { type AllowedImages, checkImage } from "./image-policy.ts";
import type { QuotaCheck } from "./quota-check.ts";
import { checkResourcesAllowed } from "./resource-policy.ts";

/** Request to deploy a revision of an endpoint. */
export interface Deployment {
  readonly ref: EndpointRef;
  readonly artifact: Artifact;
  /** The artifact is that of the endpoint. */
  readonly keepsArtifact: boolean;
  readonly settings: Settings;
  /** Tells whether the caller can see an organization. */
  readonly canSee: (org: string) => boolean;
}

/** Deployment of which only the settings may be known. */
export type PlannedDeployment = Omit<Deployment, "artifact" | "keepsArtifact"> & {
  readonly artifact?: Artifact | undefined;
};

export interface AdmissionOptions {
  readonly store: Pick<Store, "org" | "addressOwner">;
  readonly platform: Pick<Platform, "name" | "accepts" | "scalers" | "notReady" | "check">;
  readonly bundles: Pick<BundleStore, "claim">;
  readonly storageQuota: Pick<StorageQuota, "check">;
  readonly quota: QuotaCheck;
  readonly allowedImages: AllowedImages;
  /** Absent: the queue is not on NATS. */
  readonly queueUrl?: string | undefined;
}

/** Decides whether a deployment may begin: every check that it has to pass before anything is written, in order. */
export class Admission {
  readonly #options: AdmissionOptions;

  /** Checks of the settings alone. */
  readonly #settingsChecks: readonly ((deployment: PlannedDeployment) => unknown)[] = [
    ({ settings }) => this.#checkScaler(settings),
    ({ ref, settings }) => checkSchedules(ref, settings.schedules ?? [], Date.now()),
    ({ ref, settings }) => checkTriggerPaths(ref, settings),
    ({ settings }) => checkToolSchemas(settings),
    (deployment) => this.#checkHostnames(deployment),
    ({ ref, settings }) =>
      checkDestinationsAllowed(ref, settings, this.#options.store.org(ref.org)?.limits?.destinations),
    ({ ref, settings }) => {
      const { store, queueUrl } = this.#options;
      checkSourcesAllowed(ref, settings, store.org(ref.org)?.limits?.natsSubjects, queueStreamOf(queueUrl));
    },
    ({ ref, settings }) => checkResourcesAllowed(ref, settings, this.#options.store.org(ref.org)?.limits?.resources),
    ({ ref, settings }) => void newestVersions(ref.org, settings, this.#options.store.org(ref.org)?.secrets),
  ];

  /** All checks but the quota, whose resources are reserved until the deployment is on disk. */
  readonly #checks: readonly ((deployment: Deployment) => unknown)[] = [
    ({ settings }) => checkConsistent(settings),
    ({ ref, artifact }) => this.#checkImage(ref, artifact),
    () => this.assertReady(),
    ({ artifact }) => this.#checkArtifact(artifact),
    ...this.#settingsChecks,
    (deployment) => this.#checkBundle(deployment),
    (deployment) => this.#checkPlatform(deployment),
  ];

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /**
   * Runs the checks and reserves the resources of the deployment. The returned function releases them; to be called when the store has the
   * deployment, or it failed.
   *
   * @throws INVALID_REQUEST, INVALID_PATH, IMAGE_NOT_ALLOWED, CLUSTER_*, ARTIFACT_UNSUPPORTED, SCALER_UNSUPPORTED, SCHEDULE_NEVER_DUE,
   * HOSTNAME_NOT_ALLOWED, HOSTNAME_TAKEN, DESTINATION_NOT_ALLOWED, SOURCE_UNSUPPORTED, SUBJECT_NOT_ALLOWED, RESOURCE_NOT_ALLOWED, SECRET_NOT_FOUND, BUNDLE_NOT_FOUND, METRICS_MISSING, LIMIT_EXCEEDED
   */
  async admit(deployment: Deployment): Promise<() => void> {
    for (const check of this.#checks) await check(deployment);
    return this.#options.quota.reserve(deployment.ref, deployment.settings);
  }

  /**
   * Runs the checks that read only: of a deployment without an artifact, those of its settings.
   *
   * @throws INVALID_REQUEST, INVALID_PATH, IMAGE_NOT_ALLOWED, ARTIFACT_UNSUPPORTED, SCALER_UNSUPPORTED, SCHEDULE_NEVER_DUE,
   * HOSTNAME_NOT_ALLOWED, HOSTNAME_TAKEN, DESTINATION_NOT_ALLOWED, SOURCE_UNSUPPORTED, SUBJECT_NOT_ALLOWED, RESOURCE_NOT_ALLOWED, SECRET_NOT_FOUND, LIMIT_EXCEEDED
   */
  async check(deployment: PlannedDeployment): Promise<void> {
    const { ref, artifact, settings } = deployment;
    checkConsistent(settings);
    if (artifact) {
      this.#checkImage(ref, artifact);
      this.#checkArtifact(artifact);
    }
    for (const check of this.#settingsChecks) await check(deployment);
    this.#options.quota.check(ref, settings);
  }

  /** Throws while the platform cannot carry anything out, for example CLUSTER_UNREACHABLE. */
  assertReady(): void {
    const { notReady } = this.#options.platform;
    if (notReady) throw notReady;
  }

  #checkImage({ org }: EndpointRef, artifact: Artifact): void {
    const { platform, allowedImages } = this.#options;
    // On a platform that runs no images, that is the error to report.
    if (artifact.kind !== "image" || platform.accepts !== "image") return;
    checkImage(artifact.reference, org, allowedImages);
    if (artifact.warm) checkImage(artifact.warm.image, org, allowedImages);
  }

  #checkArtifact({ kind }: Artifact): void {
    const { platform } = this.#options;
    if (kind === platform.accepts) return;
    throw new FaasError(
      "ARTIFACT_UNSUPPORTED",
      kind === "image"
        ? `The ${platform.name} platform runs bundles (bundle@sha256:…), not container images; those run on the kubernetes platform. Deploy the folder with "faas deploy"`
        : `The ${platform.name} platform runs container images, not bundles`,
    );
  }

  #checkScaler({ scaler }: Settings): void {
    const { platform } = this.#options;
    if (platform.scalers.includes(scaler)) return;
    throw new FaasError(
      "SCALER_UNSUPPORTED",
      `Expected "scaler" to be one of those of the ${platform.name} platform (${platform.scalers.join(", ")}), got "${scaler}"`,
    );
  }

  #checkHostnames({ ref, settings, canSee }: PlannedDeployment): void {
    const { store } = this.#options;
    checkHostnamesAllowed(ref, settings, store.org(ref.org)?.limits?.hostnames);
    checkAddressesFree(ref, settings, (address) => store.addressOwner(address), canSee);
  }

  async #checkBundle({ ref, artifact, keepsArtifact }: Deployment): Promise<void> {
    const digest = bundleOf(artifact);
    // The image runs without its warm part, whose bundle a server of an older release has removed.
    if (digest === undefined || (artifact.kind === "image" && keepsArtifact)) return;
    const { bundles, storageQuota } = this.#options;
    await bundles.claim(digest);
    await storageQuota.check(ref.org, digest);
  }

  async #checkPlatform({ ref, artifact, settings }: Deployment): Promise<void> {
    await this.#options.platform.check?.(endpointSpec(ref, { id: "", createdAt: "", artifact, settings }));
  }
}

/** Checks that the gateway accepts the paths of schedules and sources: it would reject the calls. */
function checkTriggerPaths(ref: EndpointRef, { schedules = [], sources = [] }: Settings): void {
  for (const { path = "/" } of [...schedules, ...sources]) checkPath(`/${endpointKey(ref)}${path.replace(/\?.*/, "")}`);
}

/** Checks that settings, which may have been named by different deployments, do not contradict each other. */
function checkConsistent(settings: Settings): void {
  const problem = settingsProblem(settings);
  if (problem) throw new FaasError("INVALID_REQUEST", problem);
}

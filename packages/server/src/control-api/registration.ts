import {
  type Artifact,
  type EndpointRef,
  FaasError,
  type Platform,
  type SettingsInput,
  settingsProblem,
  withDefaults,
} from "@faas/core";
import type { BundleAccess } from "../bundles/bundle-access.ts";
import { bundleNotFound } from "../bundles/bundle-store.ts";
import type { DeploymentController } from "../deployments/controller.ts";
import { type AllowedImages, checkImage } from "../deployments/image-policy.ts";
import type { Permissions } from "./permissions.ts";

export interface RegistrationDeps {
  readonly deployments: Pick<DeploymentController, "deploy">;
  readonly bundleAccess: Pick<BundleAccess, "has">;
  readonly platform: Pick<Platform, "accepts">;
  readonly allowedImages: AllowedImages;
}

/** Outcome of a registration. */
export interface Registration {
  readonly ref: EndpointRef;
  readonly created: boolean;
  readonly revision: string;
  readonly unchanged: boolean;
}

/**
 * Registers an endpoint, or deploys a new revision of it.
 * @throws INVALID_REQUEST
 * @throws BUNDLE_NOT_FOUND
 * @throws IMAGE_NOT_ALLOWED
 */
export async function register(
  request: { readonly ref: EndpointRef; readonly artifact: Artifact; readonly settings: SettingsInput },
  permissions: Permissions,
  deps: RegistrationDeps,
): Promise<Registration> {
  const { ref, artifact } = request;
  const settings = withDefaults(request.settings);
  const problem = settingsProblem(settings);
  if (problem) throw new FaasError("INVALID_REQUEST", problem);
  checkArtifact(artifact, ref.org, permissions, deps);
  const { created, revision, unchanged } = await deps.deployments.deploy(ref, artifact, settings);
  return { ref, created, revision, unchanged };
}

/** Checks that the organization may use an artifact. The deployment rejects those that the platform does not run. */
function checkArtifact(
  artifact: Artifact,
  org: string,
  permissions: Permissions,
  { bundleAccess, platform, allowedImages }: RegistrationDeps,
): void {
  if (artifact.kind !== platform.accepts) return;
  if (artifact.kind === "image") checkImage(artifact.reference, org, allowedImages);
  else if (permissions.org !== undefined && !bundleAccess.has(permissions.org, artifact.digest))
    throw bundleNotFound(artifact.digest);
}

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
import type { Permissions } from "./permissions.ts";

export interface RegistrationDeps {
  readonly deployments: Pick<DeploymentController, "deploy">;
  readonly bundleAccess: Pick<BundleAccess, "has">;
  readonly platform: Pick<Platform, "accepts">;
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
  checkBundle(artifact, permissions, deps);
  const { created, revision, unchanged } = await deps.deployments.deploy(ref, artifact, settings);
  return { ref, created, revision, unchanged };
}

/** Checks that the caller may use a bundle. Deployments reject other artifacts. */
function checkBundle(artifact: Artifact, permissions: Permissions, { bundleAccess, platform }: RegistrationDeps): void {
  if (artifact.kind !== "bundle" || platform.accepts !== "bundle") return;
  if (permissions.org !== undefined && !bundleAccess.has(permissions.org, artifact.digest))
    throw bundleNotFound(artifact.digest);
}

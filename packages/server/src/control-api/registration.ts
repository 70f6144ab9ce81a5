import {
  type Artifact,
  type EndpointRef,
  FaasError,
  hostnameOf,
  type Platform,
  type Settings,
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
 * @throws HOSTNAME_TAKEN
 */
export async function register(
  request: {
    readonly ref: EndpointRef;
    readonly artifact: Artifact;
    readonly settings: SettingsInput;
    /** Host that the client reached the server by. */
    readonly host: string;
  },
  permissions: Permissions,
  deps: RegistrationDeps,
): Promise<Registration> {
  const { ref, artifact } = request;
  const settings = withDefaults(request.settings);
  const problem = settingsProblem(settings);
  if (problem) throw new FaasError("INVALID_REQUEST", problem);
  checkOwnHost(request.host, settings);
  checkBundle(artifact, permissions, deps);
  const canSee = (org: string) => permissions.canSee(org);
  const { created, revision, unchanged } = await deps.deployments.deploy(ref, artifact, settings, canSee);
  return { ref, created, revision, unchanged };
}

/** Checks that an endpoint does not take the host by which its server was reached: the control API would no longer be there. */
function checkOwnHost(host: string, { hostnames = [] }: Settings): void {
  const own = hostnameOf(host);
  if (hostnames.includes(own))
    throw new FaasError("HOSTNAME_TAKEN", `The hostname ${own} is that of the server itself: choose another`, {
      extensions: { hostname: own },
    });
}

/** Checks that the caller may use a bundle. Deployments reject other artifacts. */
function checkBundle(artifact: Artifact, permissions: Permissions, { bundleAccess, platform }: RegistrationDeps): void {
  if (artifact.kind !== "bundle" || platform.accepts !== "bundle") return;
  if (permissions.org !== undefined && !bundleAccess.has(permissions.org, artifact.digest))
    throw bundleNotFound(artifact.digest);
}

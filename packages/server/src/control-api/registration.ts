import {
  type Artifact,
  bundleOf,
  type CanaryRequest,
  type DeploymentSource,
  type EndpointRef,
  FaasError,
  hostnameOf,
  type Planned,
  type Platform,
  type PreviewRequest,
  type RevisionOrigin,
  type SettingChange,
  type SettingsChange,
} from "@faas/core";
import type { BundleAccess } from "../bundles/bundle-access.ts";
import { bundleNotFound } from "../bundles/bundle-store.ts";
import type { CanaryService } from "../canary/canary-service.ts";
import type { DeploymentController } from "../deployments/controller.ts";
import type { FollowService } from "../image-follow/follow-service.ts";
import type { Store } from "../state/store.ts";
import type { Previews } from "../variants/preview.ts";
import { requireEndpoint } from "./lookup.ts";
import type { Permissions } from "./permissions.ts";

export interface RegistrationDeps {
  readonly store: Pick<Store, "org" | "orgs" | "endpoint">;
  readonly deployments: Pick<DeploymentController, "deploy" | "plan">;
  readonly previews: Pick<Previews, "deploy">;
  readonly canaries: Pick<CanaryService, "deploy">;
  readonly imageFollow: Pick<FollowService, "resolve" | "check" | "deploying">;
  readonly bundleAccess: Pick<BundleAccess, "has">;
  readonly platform: Pick<Platform, "accepts">;
}

/** Request to register an endpoint, or to deploy a new revision of it. */
export interface RegistrationRequest {
  readonly ref: EndpointRef;
  /** Absent: that of the endpoint. */
  readonly artifact?: Artifact | undefined;
  readonly change: SettingsChange;
  /** Absent: the revision will serve. */
  readonly preview?: PreviewRequest | undefined;
  /** Absent: the revision gets all calls as soon as it is ready. */
  readonly canary?: CanaryRequest | undefined;
  /** True: follow the tag of the image. Absent: an endpoint whose image stays follows the tag of before. */
  readonly follow?: boolean | undefined;
  /** Statements of the client about the deployment. */
  readonly source?: DeploymentSource | undefined;
  /** Address of the client. */
  readonly from: string;
  /** Host that the client reached the server by. */
  readonly host: string;
}

/** Outcome of a registration. */
export interface Registration {
  readonly ref: EndpointRef;
  readonly created: boolean;
  readonly revision: string;
  readonly unchanged: boolean;
  readonly changes: readonly SettingChange[];
  /** Part of the address that names a preview: a tag or the revision. */
  readonly name?: string;
  /** The calls move to the revision in steps. */
  readonly canary?: boolean;
}

/**
 * Registers an endpoint, or deploys a new revision of it.
 * @throws INVALID_REQUEST
 * @throws BUNDLE_NOT_FOUND
 * @throws HOSTNAME_TAKEN
 * @throws ORG_NOT_FOUND, ENDPOINT_NOT_FOUND without an artifact
 */
export async function register(
  request: RegistrationRequest,
  permissions: Permissions,
  deps: RegistrationDeps,
): Promise<Registration> {
  const { ref, change, preview, canary, follow } = request;
  const { artifact: given } = request;
  if (given === undefined || preview) requireEndpoint(ref, deps.store, permissions);
  check(request, permissions, deps);
  const canSee = (org: string) => permissions.canSee(org);
  const origin = originOfRevision(request, permissions);
  const { imageFollow } = deps;
  const start = follow ? await imageFollow.resolve(ref, given, canary) : undefined;
  const artifact = start?.artifact ?? given;
  const deployment = { ref, artifact, change, origin, canSee };
  if (preview) return { ref, ...(await deps.previews.deploy(deployment, preview)) };
  const deploy = () => (canary ? deps.canaries.deploy(deployment, canary) : deps.deployments.deploy(deployment));
  if (follow === undefined && artifact === undefined) return { ref, ...(await deploy()) };
  return { ref, ...(await imageFollow.deploying(ref, start?.follow, deploy)) };
}

/** Returns the provenance of a revision that a request deploys. */
export function originOfRevision(
  { source, from }: Pick<RegistrationRequest, "source" | "from">,
  { key }: Permissions,
): RevisionOrigin {
  return { at: new Date().toISOString(), ...(key && { by: key.record.name }), from, ...source };
}

/**
 * Returns what a registration would change, without registering anything. The artifact may be absent for a new endpoint too.
 * @throws the codes of {@link register}
 */
export async function plan(
  request: RegistrationRequest,
  permissions: Permissions,
  deps: RegistrationDeps,
): Promise<Planned> {
  const { ref, artifact, change, follow } = request;
  if (follow) deps.imageFollow.check(ref, artifact);
  check(request, permissions, deps);
  const canSee = (org: string) => permissions.canSee(org);
  return { ...ref, ...(await deps.deployments.plan({ ref, artifact, change, canSee })) };
}

function check(
  { artifact, change, host }: RegistrationRequest,
  permissions: Permissions,
  deps: RegistrationDeps,
): void {
  checkOwnHost(host, change.settings?.hostnames ?? []);
  if (artifact) checkBundle(artifact, permissions, deps);
}

/** Checks that an endpoint does not take the host by which its server was reached: the control API would no longer be there. */
function checkOwnHost(host: string, hostnames: readonly string[]): void {
  const own = hostnameOf(host);
  if (hostnames.some((hostname) => hostnameOf(hostname) === own))
    throw new FaasError("HOSTNAME_TAKEN", `The hostname ${own} is that of the server itself: choose another`, {
      extensions: { hostname: own },
    });
}

/** Checks that the caller may use the bundle of an artifact. Deployments reject other artifacts. */
function checkBundle(artifact: Artifact, permissions: Permissions, { bundleAccess, platform }: RegistrationDeps): void {
  const digest = bundleOf(artifact);
  if (digest === undefined || artifact.kind !== platform.accepts) return;
  if (permissions.org !== undefined && !bundleAccess.has(permissions.org, digest)) throw bundleNotFound(digest);
}

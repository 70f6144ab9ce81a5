import {
  type Artifact,
  artifactOf,
  type ChangedSettings,
  changeSettings,
  type EndpointRef,
  type Revision,
  type RevisionOrigin,
  type SettingChange,
  type Settings,
  type SettingsChange,
  settingChanges,
  withDefaults,
} from "@faas/core";
import { endpointNotFound } from "@faas/gateway";
import type { Deployment } from "./admission.ts";

/** Request to deploy: what it does not name stays as it is (docs/decisions/0028-deployments-keep-settings.md). */
export interface DeployRequest {
  readonly ref: EndpointRef;
  /** Absent: that of the endpoint. */
  readonly artifact?: Artifact | undefined;
  readonly change: SettingsChange;
  /** Absent: unknown. */
  readonly origin?: RevisionOrigin | undefined;
  /**
   * Tells whether the caller can see an organization, which errors may name then.
   *
   * @defaultValue none
   */
  readonly canSee?: (org: string) => boolean;
}

/** Effect of a request to deploy. */
export interface DeploymentPlan {
  /** The endpoint is new. */
  readonly created: boolean;
  readonly changes: readonly SettingChange[];
}

/** A deployment that is decided: every setting has its value. */
export type DecidedDeployment = Deployment &
  ChangedSettings & {
    readonly origin?: RevisionOrigin | undefined;
    /** Revision of the endpoint that serves again. Absent: the deployment makes a revision. */
    readonly again?: Revision;
  };

/**
 * Fills in what a request does not name.
 *
 * @param target the revision that the endpoint should serve; undefined for a new endpoint
 * @throws ENDPOINT_NOT_FOUND when neither has an artifact
 */
export function decideDeployment(request: DeployRequest, target: Revision | undefined): DecidedDeployment {
  const { ref, change, canSee = () => false } = request;
  const artifact = request.artifact ?? (target && artifactOf(target));
  if (!artifact) throw endpointNotFound(ref);
  const keepsArtifact = request.artifact === undefined;
  const origin = keepsArtifact ? withCodeOf(target, request.origin) : request.origin;
  return { ref, artifact, keepsArtifact, canSee, origin, ...changeSettings(target, change) };
}

/** Returns the deployment of a revision's code and settings with the newest values of secrets. */
export const sameDeployment = (ref: EndpointRef, revision: Revision, now: string): DecidedDeployment => ({
  ...contentOf(ref, revision),
  canSee: () => false,
  origin: withCodeOf(revision, { at: now, message: "new values of secrets" }),
});

/** Returns the part of a deployment that is the content of a revision of the endpoint. */
export function contentOf(ref: EndpointRef, revision: Revision) {
  const { settings, set } = revision;
  return { ref, artifact: artifactOf(revision), keepsArtifact: true, settings, ...(set && { set }) };
}

/** Returns the provenance of a revision that has the code of another one. */
function withCodeOf(before: Revision | undefined, origin: RevisionOrigin | undefined): RevisionOrigin | undefined {
  const { commit, dirty } = before?.origin ?? {};
  if (!origin || commit === undefined || origin.commit !== undefined) return origin;
  return { ...origin, commit, ...(dirty && { dirty }) };
}

/** Lists the settings that a deployment changes; for a new endpoint, those that differ from the defaults. */
export const changesFrom = (target: Revision | undefined, settings: Settings): SettingChange[] =>
  settingChanges(target?.settings ?? withDefaults({}), settings);

import {
  type Artifact,
  artifactOf,
  type ChangedSettings,
  changeSettings,
  type EndpointRef,
  type Revision,
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
export type DecidedDeployment = Deployment & ChangedSettings;

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
  return { ref, artifact, keepsArtifact: request.artifact === undefined, canSee, ...changeSettings(target, change) };
}

/** Lists the settings that a deployment changes; for a new endpoint, those that differ from the defaults. */
export const changesFrom = (target: Revision | undefined, settings: Settings): SettingChange[] =>
  settingChanges(target?.settings ?? withDefaults({}), settings);

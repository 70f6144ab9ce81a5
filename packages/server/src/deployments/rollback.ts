import { artifactOf, bundleOf, FaasError, type Revision } from "@faas/core";
import { endpointNotFound } from "@faas/gateway";
import { activeCanary } from "../canary/canary-record.ts";
import { type EndpointRecord, servingRevision, targetRevision } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import type { DeploymentController } from "./controller.ts";
import { contentOf, type DecidedDeployment, type DeployRequest } from "./deploy-request.ts";
import { findRevision, previousRevision } from "./find-revision.ts";

/** Request to make a revision of an endpoint serve again. */
export interface RollbackRequest extends Pick<DeployRequest, "ref" | "origin" | "canSee"> {
  /** Id of the revision, or the beginning of it. Absent: the one that served before. */
  readonly revision?: string | undefined;
}

/** Outcome of a rollback. */
export interface RollbackOutcome {
  readonly revision: string;
  /** The revision served already. */
  readonly unchanged: boolean;
  /** The revision that was the target before. */
  readonly replaced: string;
  /** Names of secrets whose values in the chosen revision are gone. */
  readonly renewed: readonly string[];
}

export interface RollbackDeps {
  readonly store: Pick<Store, "endpoint">;
  readonly deployments: Pick<DeploymentController, "deployDecided">;
}

/**
 * Makes a revision of an endpoint its target: a rollout like that of a deployment, without a build. The revision keeps its id, unless a value of a
 * secret that it names is gone: then the newest value is used (docs/decisions/0043-kept-revisions.md).
 *
 * @throws ENDPOINT_NOT_FOUND, REVISION_NOT_FOUND, INVALID_REQUEST
 * @throws the codes of `Admission.admit`
 */
export async function rollBack(
  request: RollbackRequest,
  { store, deployments }: RollbackDeps,
): Promise<RollbackOutcome> {
  const { ref } = request;
  let chosen: Revision | undefined;
  let replaced = "";
  let canary: string | undefined;
  const { revision, unchanged } = await deployments
    .deployDecided(ref, (record) => {
      if (!record) throw endpointNotFound(ref);
      canary = activeCanary(record)?.revision;
      chosen = chosenRevision(request, record);
      replaced = canary === undefined || canary === chosen.id ? targetRevision(record).id : canary;
      return again(request, chosen);
    })
    .catch((error) => {
      throw chosen ? explained(error, chosen) : error;
    });
  const record = store.endpoint(ref);
  const versions = record && targetRevision(record).id === revision ? targetRevision(record).secrets : {};
  const renewed = Object.entries(chosen?.secrets ?? {}).filter(([name, version]) => versions?.[name] !== version);
  return {
    revision,
    unchanged: unchanged && canary === undefined,
    replaced,
    renewed: chosen?.id === revision ? [] : renewed.map(([name]) => name),
  };
}

/** Returns the revision that a request is for. Without one, a canary goes back to the serving revision. */
function chosenRevision({ ref, revision }: RollbackRequest, record: EndpointRecord): Revision {
  if (revision !== undefined) return findRevision(ref, record, revision);
  return activeCanary(record) ? servingRevision(record) : previousRevision(ref, record);
}

function again({ ref, canSee = () => false, origin }: RollbackRequest, revision: Revision): DecidedDeployment {
  // Another revision is made of it when a value of a secret is gone.
  const made = { ...revision.origin, ...origin, at: origin?.at ?? revision.createdAt };
  return { ...contentOf(ref, revision), canSee, origin: made, again: revision };
}

/** Says why the bundle of a kept revision can be gone. */
function explained(error: unknown, revision: Revision): unknown {
  if (!(error instanceof FaasError) || error.code !== "BUNDLE_NOT_FOUND") return error;
  return new FaasError(
    "BUNDLE_NOT_FOUND",
    `The bundle of revision ${revision.id} is no longer on the server (${bundleOf(artifactOf(revision))}): a server of an older release, which does not keep revisions, has removed it. Deploy that code again`,
    { cause: error },
  );
}

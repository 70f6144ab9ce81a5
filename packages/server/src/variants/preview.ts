import {
  type EndpointRef,
  type EndpointSpec,
  endpointKey,
  type PreviewRequest,
  parseDuration,
  type Revision,
  type Traffic,
  variantRef,
} from "@faas/core";
import { type EndpointRegistry, endpointNotFound } from "@faas/gateway";
import type { Admission } from "../deployments/admission.ts";
import type { Deployed, DeploymentController } from "../deployments/controller.ts";
import { changesFrom, type DeployRequest, decideDeployment } from "../deployments/deploy-request.ts";
import { targetRevisionOf } from "../deployments/target-revision.ts";
import type { KeyedMutex } from "../lib/keyed-mutex.ts";
import { type EndpointRecord, servingRevision, targetRevision, withRevisionKept } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import { withPreview, withTag } from "./traffic.ts";
import type { TrafficService } from "./traffic-service.ts";

export interface PreviewDeps {
  readonly store: Pick<Store, "org" | "endpoint">;
  readonly admission: Pick<Admission, "admit">;
  readonly deployments: Pick<DeploymentController, "applyOrg">;
  readonly traffic: Pick<TrafficService, "changeLocked">;
  readonly registry: Pick<EndpointRegistry<EndpointSpec>, "get" | "wake">;
  /** Serializes the changes of one endpoint. */
  readonly mutex: KeyedMutex;
}

/** Outcome of the deployment of a preview. */
export interface DeployedPreview extends Deployed {
  /** Part of the address that names the preview: its tag or its revision. */
  readonly name: string;
}

/** Deploys revisions that run beside the serving one, without a share of the calls. */
export class Previews {
  readonly #deps: PreviewDeps;

  constructor(deps: PreviewDeps) {
    this.#deps = deps;
  }

  /**
   * Deploys a preview of an existing endpoint; resolves when it is on disk and its first replica is starting.
   *
   * @throws ENDPOINT_NOT_FOUND and every code of `Admission.admit`
   */
  async deploy(request: DeployRequest, { tag, expires }: PreviewRequest): Promise<DeployedPreview> {
    const lasts = expires === undefined ? {} : { expiresAt: expiryOf(expires) };
    const deployed = await this.deployBeside(request, (record, revision) => {
      // The serving revision needs no preview: its own replicas answer at the address.
      const kept =
        servingRevision(record).id === revision.id
          ? record
          : withPreview(withRevisionKept(record, revision), revision.id, lasts);
      return tag === undefined ? kept : withTag(kept, tag, revision.id);
    });
    return { ...deployed, name: tag ?? deployed.revision };
  }

  /**
   * Deploys a revision of an existing endpoint beside the serving one; resolves when it is on disk and its first replica is starting.
   *
   * @param change returns the record in which the revision runs
   * @throws ENDPOINT_NOT_FOUND and every code of `Admission.admit`
   */
  deployBeside(
    request: DeployRequest,
    change: (record: EndpointRecord, revision: Revision) => EndpointRecord,
  ): Promise<Deployed> {
    return this.#deps.mutex.run(endpointKey(request.ref), () => this.#deployBeside(request, change));
  }

  async #deployBeside(
    request: DeployRequest,
    change: (record: EndpointRecord, revision: Revision) => EndpointRecord,
  ): Promise<Deployed> {
    const { store, admission, deployments, traffic } = this.#deps;
    const { ref } = request;
    const before = store.endpoint(ref);
    if (before === undefined) throw endpointNotFound(ref);
    const target = targetRevision(before);
    const deployment = decideDeployment(request, target);
    const release = await admission.admit(deployment);
    try {
      await deployments.applyOrg(ref.org);
      const now = new Date().toISOString();
      const revision = targetRevisionOf(deployment, before, store.org(ref.org)?.secrets, now);
      await traffic.changeLocked(ref, (record) => change(record, revision));
      this.#start(ref, revision.id);
      const unchanged = servingRevision(before).id === revision.id || isBeside(before.traffic, revision.id);
      const changes = changesFrom(target, deployment.settings);
      return { revision: revision.id, created: false, unchanged, changes };
    } finally {
      release();
    }
  }

  /** Starts a replica: a deployment that does not load should say so. */
  #start(ref: EndpointRef, revision: string): void {
    const { registry } = this.#deps;
    const variant = registry.get(endpointKey(variantRef(ref, revision)));
    if (variant !== undefined) registry.wake(variant);
  }
}

/** Tells whether a revision was deployed beside the serving one before. */
const isBeside = ({ previews = {}, canary }: Traffic = {}, revision: string) =>
  Object.hasOwn(previews, revision) || canary === revision;

const expiryOf = (expires: string) => new Date(Date.now() + (parseDuration(expires) ?? 0)).toISOString();

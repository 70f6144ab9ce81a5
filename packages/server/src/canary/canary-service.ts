import { isDeepStrictEqual } from "node:util";
import { type CanaryRequest, type CanaryView, type EndpointRef, endpointKey, FaasError } from "@faas/core";
import type { Deployed, DeploymentController } from "../deployments/controller.ts";
import type { DeployRequest } from "../deployments/deploy-request.ts";
import { rollBack } from "../deployments/rollback.ts";
import { KeyedSignal } from "../lib/keyed-signal.ts";
import {
  awaitsFirstReady,
  candidateRevision,
  type EndpointRecord,
  servingRevision,
  withRevisionKept,
} from "../state/records.ts";
import type { Previews } from "../variants/preview.ts";
import { activeCanary, planOf, withCanary, withCanaryEnded } from "./canary-record.ts";
import { type CanaryContext, FollowedCanary } from "./followed-canary.ts";
import { viewCanary } from "./view-canary.ts";

export interface CanaryServiceOptions extends CanaryContext {
  readonly previews: Pick<Previews, "deployBeside">;
  readonly deployments: Pick<DeploymentController, "deploy" | "deployDecided">;
}

/** Outcome of a deployment that was requested as a canary. */
export interface DeployedCanary extends Deployed {
  /** Absent: there was no revision to compare with, or the revision serves already. */
  readonly canary?: boolean;
}

/** Time between two looks at the canaries. */
const LOOK_MS = 500;

/** Moves the calls of endpoints to new revisions in steps, and back when they are worse (docs/decisions/0047-canary.md). */
export class CanaryService implements AsyncDisposable {
  readonly #options: CanaryServiceOptions;
  readonly #followed = new Map<string, FollowedCanary>();
  /** Notified when a canary has changed. */
  readonly #changes = new KeyedSignal();
  #timer: NodeJS.Timeout | undefined;
  #isDisposed = false;

  constructor(options: CanaryServiceOptions) {
    this.#options = options;
  }

  /** Stops to decide, and writes what was counted; the next server on the data folder continues. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    clearInterval(this.#timer);
    const all = [...this.#followed.values()];
    for (const followed of all) followed[Symbol.dispose]();
    await Promise.all(all.map((followed) => followed.save()));
  }

  /**
   * Deploys a revision that gets the calls in steps. A new endpoint has nothing to compare with, and is deployed at once.
   *
   * @throws DEPLOYMENT_IN_PROGRESS and every code of `Admission.admit`
   */
  async deploy(request: DeployRequest, canary: CanaryRequest): Promise<DeployedCanary> {
    const { store, previews, deployments } = this.#options;
    const { ref } = request;
    const before = store.endpoint(ref);
    if (before === undefined || awaitsFirstReady(before)) return deployments.deploy(request);
    const deployed = await previews.deployBeside(request, (record, { id, ...revision }) => {
      checkNotDeploying(ref, record);
      if (id === servingRevision(record).id) return record;
      const plan = planOf(canary, record.traffic?.sticky);
      const active = activeCanary(record);
      if (active?.revision === id && isDeepStrictEqual(active.plan, plan)) return record;
      const now = new Date().toISOString();
      const kept = withRevisionKept(record, { id, ...revision });
      return withCanary(withCanaryEnded(kept, "replaced", `the revision ${id} was deployed`, now), id, plan, now);
    });
    // Ends another canary.
    if (deployed.revision === store.endpoint(ref)?.current.id) return deployments.deploy(request);
    return { ...deployed, canary: true };
  }

  /** Follows the canary in the record of an endpoint; to be called after each change of it, and at the start. */
  follow(ref: EndpointRef, record: EndpointRecord | undefined): void {
    const key = endpointKey(ref);
    const canary = record && activeCanary(record);
    const followed = this.#followed.get(key);
    if (followed && (canary === undefined || !followed.isFor(canary))) {
      followed[Symbol.dispose]();
      this.#followed.delete(key);
    }
    if (canary && !this.#followed.has(key) && !this.#isDisposed)
      this.#followed.set(key, new FollowedCanary(ref, canary, { ...this.#options, promote: () => this.#promote(ref) }));
    this.#changes.notify(key);
    if (this.#followed.size > 0) this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
    else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  /** Shows the last canary of an endpoint; undefined if its last deployment was ordinary. */
  view(ref: EndpointRef, { canary }: EndpointRecord): CanaryView | undefined {
    if (canary === undefined) return undefined;
    const followed = this.#followed.get(endpointKey(ref));
    return viewCanary(canary, followed?.isFor(canary) ? followed.samples : undefined, Date.now());
  }

  /** Resolves when an endpoint has no canary of the revision any more. Rejects with the signal's reason. */
  async waitForEnd(ref: EndpointRef, revision: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const record = this.#options.store.endpoint(ref);
      if (record === undefined || activeCanary(record)?.revision !== revision) return;
      await this.#changes.next(endpointKey(ref), signal);
    }
  }

  #look(): void {
    for (const followed of [...this.#followed.values()]) void followed.look();
  }

  /** Makes the new revision serve. */
  async #promote(ref: EndpointRef): Promise<void> {
    const { store, deployments } = this.#options;
    const record = store.endpoint(ref);
    const canary = record && activeCanary(record);
    if (canary?.state === "running") await rollBack({ ref, revision: canary.revision }, { store, deployments });
  }
}

function checkNotDeploying(ref: EndpointRef, record: EndpointRecord): void {
  const candidate = candidateRevision(record);
  if (candidate === undefined) return;
  throw new FaasError(
    "DEPLOYMENT_IN_PROGRESS",
    `The revision ${candidate.id} of ${endpointKey(ref)} is being deployed: a canary has to know which revision it is compared with. Deploy again when it serves`,
  );
}

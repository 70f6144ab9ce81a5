import { FaasError, type Platform } from "@faas/core";
import type { GatewaySpec } from "../protocol/messages.ts";
import { type ReplicaQuota, replicaQuota, replicasLimited } from "./replica-quota.ts";
import type { ServedEndpoint } from "./served-endpoint.ts";

/** Log for problems in the background; a pino logger fits. */
export interface EndpointsLog {
  warn(fields: object, message: string): void;
}

export interface ReplicaScalerOptions<Spec extends GatewaySpec> {
  readonly platform: Pick<Platform, "scale">;
  readonly log: EndpointsLog;
  /** Called after the desired number of replicas was set. */
  onDesired(endpoint: ServedEndpoint<Spec>): void;
  /** Called when replicas cannot be started: requests that wait for a first one are rejected. */
  onRejected(endpoint: ServedEndpoint<Spec>, error: FaasError): void;
  /** Called when limits allow too few replicas. Ends replicas of the organization that can be spared, and returns true if there were any. */
  onLimited(endpoint: ServedEndpoint<Spec>): boolean;
}

/** Sets numbers of replicas within the organization's limits, and passes them on to the platform. */
export class ReplicaScaler<Spec extends GatewaySpec = GatewaySpec> {
  readonly #options: ReplicaScalerOptions<Spec>;

  constructor(options: ReplicaScalerOptions<Spec>) {
    this.#options = options;
  }

  /** Scales an endpoint as far as its organization's limits allow. At most one platform call per endpoint is in progress; the latest number wins. */
  scale(endpoint: ServedEndpoint<Spec>, wanted: number): void {
    const { replicas, limit } = this.#quotaOf(endpoint, wanted);
    this.#reportLimit(endpoint, wanted, replicas, limit);
    if (limit !== undefined && replicas === endpoint.desired) return;
    endpoint.desired = replicas;
    this.#options.onDesired(endpoint);
    if (!endpoint.scaling) void this.#push(endpoint);
  }

  #quotaOf(endpoint: ServedEndpoint<Spec>, wanted: number): ReplicaQuota {
    const { limits, usage } = endpoint.org;
    const quota = replicaQuota(limits, usage, endpoint, wanted);
    if (quota.limit === undefined || !this.#options.onLimited(endpoint)) return quota;
    return replicaQuota(limits, usage, endpoint, wanted);
  }

  /** Records that a limit applies. Requests that wait for a first replica are rejected: nobody knows when the limits will allow one. */
  #reportLimit(endpoint: ServedEndpoint<Spec>, wanted: number, replicas: number, limit: string | undefined): void {
    const limited = limit === undefined ? undefined : `It wants ${counted(wanted)}, and may have ${replicas}: ${limit}`;
    if (limited !== undefined && endpoint.limited === undefined)
      this.#options.log.warn(
        { endpoint: endpoint.key, wanted, replicas, limit },
        "the organization's limits do not allow more replicas",
      );
    endpoint.limited = limited;
    if (limited === undefined || replicas > 0) return;
    this.#reject(endpoint, replicasLimited(endpoint.title, limit));
  }

  #reject(endpoint: ServedEndpoint<Spec>, error: FaasError): void {
    endpoint.rejectAll(error);
    this.#options.onRejected(endpoint, error);
  }

  async #push(endpoint: ServedEndpoint<Spec>): Promise<void> {
    endpoint.scaling = true;
    endpoint.scaled = true;
    let pushed = endpoint.desired;
    try {
      for (;;) {
        pushed = endpoint.desired;
        await this.#options.platform.scale(endpoint.spec, pushed);
        if (pushed === endpoint.desired) break;
      }
    } catch (error) {
      this.#pushFailed(endpoint, pushed, error);
    } finally {
      endpoint.scaling = false;
    }
  }

  #pushFailed(endpoint: ServedEndpoint<Spec>, replicas: number, error: unknown): void {
    if (endpoint.removed) return;
    this.#options.log.warn(
      { err: error, endpoint: endpoint.key, replicas },
      "the platform could not set the number of replicas",
    );
    // The next request, or the next decision of the autoscaler, tries again.
    endpoint.desired = endpoint.replicas.length;
    this.#options.onDesired(endpoint);
    if (endpoint.replicas.length === 0) {
      this.#reject(
        endpoint,
        error instanceof FaasError
          ? error
          : new FaasError("NO_CAPACITY", `The platform could not start a replica of ${endpoint.title}`, {
              cause: error,
            }),
      );
    }
  }
}

const counted = (replicas: number) => (replicas === 1 ? "1 replica" : `${replicas} replicas`);

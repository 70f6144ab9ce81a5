import { createHmac } from "node:crypto";
import { type EndpointSpec, isLanguage } from "@faas/core";
import { setsStartVariables } from "../../common/start-variables.ts";
import type { ManifestOptions } from "../reconcile/manifests/labels.ts";
import { type WarmReplicaSet, type WarmSpec, warmReplicaSet } from "../reconcile/manifests/warm-pod.ts";

/** Warm pods that are interchangeable: every endpoint of one organization that has this variant may claim any of them. */
export interface WarmVariant extends WarmReplicaSet {
  readonly org: string;
  /** Proves to a pod that a claim comes from the control server. */
  readonly token: string;
}

/**
 * Returns true if an endpoint can be started in a warm pod. One with secrets cannot: the server never reads their values, and a running pod gets no new
 * ones from Kubernetes. Nor can one with variables that its runtime reads at its start.
 */
export function isWarmable(spec: EndpointSpec): spec is WarmSpec {
  const { artifact, app, runtime, scaler, secrets = {} } = spec;
  if (artifact.kind !== "image" || artifact.warm === undefined) return false;
  if (app === "server" || !isLanguage(runtime) || scaler === "fixed") return false;
  // A waiting pod would keep them from others.
  if (spec.resources !== undefined) return false;
  return Object.keys(secrets).length === 0 && !setsStartVariables(spec);
}

/**
 * Returns the variant of an endpoint.
 *
 * @param secret secret of the control server, from which the tokens are derived: a restarted server knows them again
 */
export function variantOf(spec: WarmSpec, options: ManifestOptions, secret: Buffer): WarmVariant {
  const { org, artifact } = spec;
  const token = createHmac("sha256", secret).update(`${org} ${artifact.warm.image}`).digest("hex");
  return { ...warmReplicaSet(spec, token, options), org, token };
}

import { createHmac } from "node:crypto";
import { type EndpointSpec, isLanguage, type WarmImage } from "@faas/core";
import type { ManifestOptions } from "../reconcile/manifests/labels.ts";
import { type WarmReplicaSet, warmReplicaSet } from "../reconcile/manifests/warm-pod.ts";

/** Environment variables that a runtime or its libraries read when they start, which is too late for a warm pod. */
const READ_AT_START = /^(?:NODE_|PYTHON|LD_|DYLD_|GLIBC_|MALLOC_|OPENSSL_|SSL_|UV_|LC_|LANG$|TZ$)/;

/** Warm pods that are interchangeable: every endpoint of one organization that has this variant may claim any of them. */
export interface WarmVariant {
  /** Identifies the variant and all that its pods depend on; value of the label `faas/warm`. */
  readonly id: string;
  readonly org: string;
  /** Proves to a pod that a claim comes from the control server. */
  readonly token: string;
  /** The pods' ReplicaSet, without a number of replicas. */
  readonly manifest: WarmReplicaSet;
}

/** An endpoint whose code a warm pod can be given. */
export type WarmSpec = EndpointSpec & { readonly artifact: { readonly kind: "image"; readonly warm: WarmImage } };

/**
 * Returns true if an endpoint can be started in a warm pod. One with secrets cannot: the server never reads their values, and a running pod gets no new
 * ones from Kubernetes. Nor can one with variables that its runtime reads at its start.
 */
export function isWarmable(spec: EndpointSpec): spec is WarmSpec {
  const { artifact, app, runtime, scaler, secrets = {}, env } = spec;
  if (artifact.kind !== "image" || artifact.warm === undefined) return false;
  if (app === "server" || !isLanguage(runtime) || scaler === "fixed") return false;
  return Object.keys(secrets).length === 0 && !Object.keys(env).some((name) => READ_AT_START.test(name));
}

/**
 * Returns the variant of an endpoint.
 *
 * @param secret secret of the control server, from which the tokens are derived: a restarted server knows them again
 */
export function variantOf(spec: WarmSpec, options: ManifestOptions, secret: Buffer): WarmVariant {
  const token = createHmac("sha256", secret).update(`${spec.org} ${spec.artifact.warm.image}`).digest("hex");
  const manifest = warmReplicaSet(spec, spec.artifact.warm, token, options);
  return { id: manifest.id, org: spec.org, token, manifest };
}

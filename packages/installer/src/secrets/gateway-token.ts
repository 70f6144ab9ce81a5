import { createHash, randomBytes } from "node:crypto";
import type { KubernetesApi, KubernetesObject } from "@faas/platforms/kubernetes-client";
import { GATEWAY_NAME } from "@faas/platforms/kubernetes-manifests";
import type { V1Secret, V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import { GATEWAY, metadataOf } from "../labels.ts";
import { SECRET_MODE } from "../pod-parts.ts";
import type { ServerManifestOptions } from "../settings.ts";

const FOLDER = "/etc/faas/gateway-token";
const BYTES = 32;
/** Annotation of pods: digest of the token, so that a new token replaces the pods. */
const DIGEST = "faas/gateway-token";

/** Creates the token that gateways and the control server know each other by. */
export const newGatewayToken = (): string => randomBytes(BYTES).toString("base64url");

/** Reads the token of an installation; `undefined` if it has none. */
export async function readGatewayToken(
  api: KubernetesApi,
  namespace: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const found = await api.get<V1Secret & KubernetesObject>("Secret", namespace, GATEWAY.token, signal);
  return Buffer.from(found?.data?.token ?? "", "base64").toString() || undefined;
}

/** Builds the Secret with the token. */
export function gatewayTokenSecret(namespace: string, token: string): V1Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: metadataOf(GATEWAY.token, namespace, GATEWAY_NAME),
    data: { token: Buffer.from(token).toString("base64") },
  };
}

interface TokenParts {
  readonly annotations: Record<string, string>;
  readonly volumes: V1Volume[];
  readonly mounts: V1VolumeMount[];
  readonly args: string[];
}

/** Builds the parts of a pod that has the token: the control server's, or a gateway's. All are empty where gateways have no pods of their own. */
export function gatewayTokenParts({ gatewayToken }: ServerManifestOptions): TokenParts {
  if (gatewayToken === undefined) return { annotations: {}, volumes: [], mounts: [], args: [] };
  const digest = createHash("sha256").update(gatewayToken).digest("hex").slice(0, 16);
  const volume: V1Volume = {
    name: "gateway-token",
    secret: { secretName: GATEWAY.token, defaultMode: SECRET_MODE },
  };
  return {
    annotations: { [DIGEST]: digest },
    volumes: [volume],
    mounts: [{ name: volume.name, mountPath: FOLDER, readOnly: true }],
    args: ["--gateway-token-file", `${FOLDER}/token`],
  };
}

import { LOST_NODE_TOLERATIONS, PULL_SECRET } from "@faas/platforms/kubernetes-manifests";
import type { V1Container, V1EnvVar, V1PodSpec, V1Probe, V1Volume } from "@kubernetes/client-node";
import type { ServerManifestOptions } from "./settings.ts";

/** Parts of the pods of the control server and of gateways. */

const TLS_FOLDER = "/etc/faas/tls";
const USER = 65_532;

/** Meets pod security "restricted". */
const POD_SECURITY: NonNullable<V1PodSpec["securityContext"]> = {
  runAsNonRoot: true,
  runAsUser: USER,
  runAsGroup: USER,
  fsGroup: USER,
  // Avoids visiting every file of a large volume at each start.
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
};

export const CONTAINER_SECURITY: NonNullable<V1Container["securityContext"]> = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** Volume for temporary files, which are few: the state is on a volume of its own. */
export const TMP_VOLUME: V1Volume = { name: "tmp", emptyDir: { sizeLimit: "256Mi" } };
/** Disk for temporary files and logs. */
export const DISK = { request: { "ephemeral-storage": "64Mi" }, limit: { "ephemeral-storage": "512Mi" } };

/** Mode of mounted Secrets: readable for the group of the pod. */
export const SECRET_MODE = 0o440;

/** Builds the parts of a pod that do not depend on what runs in it. */
export const commonPodSpec = (account: string, { dockerConfigJson }: ServerManifestOptions) => ({
  serviceAccountName: account,
  automountServiceAccountToken: true,
  enableServiceLinks: false,
  // Process 1 ignores a SIGTERM without a handler: a program that is stopped while it starts would stay for the whole grace period.
  shareProcessNamespace: true,
  securityContext: POD_SECURITY,
  tolerations: LOST_NODE_TOLERATIONS,
  ...(dockerConfigJson === undefined ? {} : { imagePullSecrets: [{ name: PULL_SECRET }] }),
});

/** Returns an option of a command line; nothing without a value. */
export const flag = (name: string, value: string | number | undefined): string[] =>
  value === undefined ? [] : [name, String(value)];

/** Builds a probe of a path at the port "http" or another one. The kubelet does not verify certificates. */
export const httpProbe = (path: string, port: string, isSecure: boolean): V1Probe => ({
  httpGet: { path, port, ...(isSecure ? { scheme: "HTTPS" } : {}) },
  timeoutSeconds: 5,
});

/** Secret of the operator with further variables of OpenTelemetry, such as headers with a key. */
const TRACE_SECRET = "faas-opentelemetry";

/** Builds the variables for traces; none where nothing is traced. */
export function traceParts({ otlp, traceRatio }: Pick<ServerManifestOptions, "otlp" | "traceRatio">) {
  if (otlp === undefined || otlp === "none") return { env: [], envFrom: {} };
  const ratio =
    traceRatio === undefined
      ? {}
      : { OTEL_TRACES_SAMPLER: "parentbased_traceidratio", OTEL_TRACES_SAMPLER_ARG: String(traceRatio) };
  const variables = { OTEL_EXPORTER_OTLP_ENDPOINT: otlp, ...ratio };
  return {
    env: Object.entries(variables).map(([name, value]): V1EnvVar => ({ name, value })),
    envFrom: { envFrom: [{ secretRef: { name: TRACE_SECRET, optional: true } }] },
  };
}

/** Returns the name, the Secret and the mount path of each certificate, the default one first. */
function certificates(tlsSecret: string | undefined) {
  return (tlsSecret?.split(",") ?? []).map((secretName, index) => {
    const suffix = index === 0 ? "" : `-${index + 1}`;
    return { name: `tls${suffix}`, secretName, mountPath: `${TLS_FOLDER}${suffix}` };
  });
}

/** Builds the volumes, mounts and options for the certificates of a listener. */
export function tlsParts(tlsSecret: string | undefined) {
  const all = certificates(tlsSecret);
  return {
    volumes: all.map(({ name, secretName }): V1Volume => ({ name, secret: { secretName, defaultMode: SECRET_MODE } })),
    // The whole folder, because a Secret mounted as single files is not renewed.
    mounts: all.map(({ name, mountPath }) => ({ name, mountPath, readOnly: true })),
    args: all.flatMap(({ mountPath }) => [
      ...["--tls-cert", `${mountPath}/tls.crt`, "--tls-key", `${mountPath}/tls.key`],
    ]),
  };
}

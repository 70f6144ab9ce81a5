import { keyIdOf } from "@faas/core";
import { PULL_SECRET } from "@faas/platforms/kubernetes-manifests";
import type { V1Container, V1Deployment, V1PodSpec, V1Probe, V1Volume } from "@kubernetes/client-node";
import { ADMIN_KEY_ID, INSTALL_SETTINGS, metadataOf, podLabels, SERVER, serverLabels } from "./labels.ts";
import { type ServerManifestOptions, settingsJson } from "./settings.ts";

const ADMIN_KEY_FOLDER = "/etc/faas/admin-key";
const TLS_FOLDER = "/etc/faas/tls";
const USER = 65_532;
/** Time to terminate: a stopping server gives requests 10 s, and needs some time for logs and connections. */
const GRACE_SECONDS = 30;
/** Time to wait for the data folder: longer than a stopping server may take. */
const LOCK_TIMEOUT_SECONDS = 60;

/** Builds the Deployment: one replica that is stopped before the next one starts, because the data folder can only have one writer. */
export function serverDeployment(options: ServerManifestOptions): V1Deployment {
  const { namespace, adminToken } = options;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      ...metadataOf(SERVER.deployment, namespace),
      annotations: { [INSTALL_SETTINGS]: settingsJson(options) },
    },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 3,
      selector: { matchLabels: podLabels(namespace) },
      strategy: { type: "Recreate" },
      template: {
        metadata: {
          labels: serverLabels(namespace),
          ...(adminToken === undefined ? {} : { annotations: { [ADMIN_KEY_ID]: keyIdOf(adminToken) ?? "" } }),
        },
        spec: podSpec(options),
      },
    },
  };
}

function podSpec(options: ServerManifestOptions): V1PodSpec {
  return {
    serviceAccountName: SERVER.account,
    automountServiceAccountToken: true,
    enableServiceLinks: false,
    // Process 1 ignores a SIGTERM without a handler: a server that is stopped while it starts would stay for the whole grace period.
    shareProcessNamespace: true,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: USER,
      runAsGroup: USER,
      fsGroup: USER,
      // Avoids visiting every file of a large volume at each start.
      fsGroupChangePolicy: "OnRootMismatch",
      seccompProfile: { type: "RuntimeDefault" },
    },
    ...(options.dockerConfigJson === undefined ? {} : { imagePullSecrets: [{ name: PULL_SECRET }] }),
    containers: [container(options)],
    volumes: volumes(options),
  };
}

function volumes({ adminToken, tlsSecret }: ServerManifestOptions): V1Volume[] {
  // Without the token: the verifier is enough to recognize it.
  const items = [{ key: "verifier", path: "verifier" }];
  const adminKey = { secretName: SERVER.adminKey, items, defaultMode: 0o440 };
  return [
    { name: "data", persistentVolumeClaim: { claimName: SERVER.claim } },
    { name: "tmp", emptyDir: {} },
    ...(adminToken === undefined ? [] : [{ name: "admin-key", secret: adminKey }]),
    ...tlsVolumes(tlsSecret).map(({ name, secretName }) => ({ name, secret: { secretName, defaultMode: 0o440 } })),
  ];
}

/** Returns a volume per Secret with a certificate. */
const tlsVolumes = (tlsSecret: string | undefined) =>
  (tlsSecret?.split(",") ?? []).map((secretName, index) => {
    const suffix = index === 0 ? "" : `-${index + 1}`;
    return { name: `tls${suffix}`, secretName, mountPath: `${TLS_FOLDER}${suffix}` };
  });

function container(options: ServerManifestOptions): V1Container {
  const { image, expose, adminToken, tlsSecret } = options;
  return {
    name: SERVER.container,
    image,
    imagePullPolicy: "IfNotPresent",
    args: commandLine(options),
    env: [{ name: "FAAS_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } }],
    ports: [
      {
        name: "http",
        containerPort: SERVER.port,
        protocol: "TCP",
        ...(expose === "hostport" ? { hostPort: SERVER.port } : {}),
      },
    ],
    // No CPU limit: a throttled gateway would slow down all endpoints.
    resources: { requests: { cpu: "250m", memory: "256Mi" }, limits: { memory: "1Gi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: "data", mountPath: "/data" },
      { name: "tmp", mountPath: "/tmp" },
      ...(adminToken === undefined ? [] : [{ name: "admin-key", mountPath: ADMIN_KEY_FOLDER, readOnly: true }]),
      // The whole folder, because a Secret mounted as single files is not renewed.
      ...tlsVolumes(tlsSecret).map(({ name, mountPath }) => ({ name, mountPath, readOnly: true })),
    ],
    ...probes(tlsSecret !== undefined),
  };
}

function commandLine(options: ServerManifestOptions): string[] {
  const { registryPush, registryPull, startupCpu, allowImages, adminToken, tlsSecret } = options;
  const { accessLog, logRequestIds, maxConnections, maxConnectionsPerAddress } = options;
  const flag = (name: string, value: string | number | undefined) => (value === undefined ? [] : [name, String(value)]);
  return [
    "up",
    ...["--platform", "kubernetes", "--host", "0.0.0.0", "--port", String(SERVER.port), "--data", "/data"],
    ...["--lock-timeout", `${LOCK_TIMEOUT_SECONDS}s`],
    ...flag("--registry-push", registryPush),
    ...flag("--registry-pull", registryPull),
    ...flag("--startup-cpu", startupCpu),
    ...flag("--allow-images", allowImages),
    ...tlsVolumes(tlsSecret).flatMap(({ mountPath }) => [
      ...["--tls-cert", `${mountPath}/tls.crt`, "--tls-key", `${mountPath}/tls.key`],
    ]),
    ...flag("--access-log", accessLog),
    ...flag("--log-request-ids", logRequestIds),
    ...flag("--max-connections", maxConnections),
    ...flag("--max-connections-per-address", maxConnectionsPerAddress),
    ...(adminToken === undefined ? ["--auth", "off"] : ["--admin-key-file", `${ADMIN_KEY_FOLDER}/verifier`]),
  ];
}

function probes(isSecure: boolean): Record<"startupProbe" | "readinessProbe" | "livenessProbe", V1Probe> {
  // The kubelet does not verify certificates.
  const scheme = isSecure ? { scheme: "HTTPS" } : {};
  const probe = (path: string): V1Probe => ({ httpGet: { path, port: "http", ...scheme }, timeoutSeconds: 5 });
  return {
    // Includes the wait for the data folder, during which the server must not be restarted.
    startupProbe: { ...probe("/-/healthz"), periodSeconds: 1, failureThreshold: LOCK_TIMEOUT_SECONDS + 60 },
    readinessProbe: { ...probe("/-/readyz"), periodSeconds: 2, failureThreshold: 2 },
    livenessProbe: { ...probe("/-/healthz"), periodSeconds: 10, failureThreshold: 3 },
  };
}

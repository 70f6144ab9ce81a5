import { keyIdOf } from "@faas/core";
import type { V1Container, V1Deployment, V1PodSpec, V1Volume } from "@kubernetes/client-node";
import { ADMIN_KEY_ID, GATEWAY, INSTALL_SETTINGS, metadataOf, partLabels, podLabels, SERVER } from "./labels.ts";
import {
  CONTAINER_SECURITY,
  commonPodSpec,
  DISK,
  flag,
  httpProbe,
  SECRET_MODE,
  TMP_VOLUME,
  tlsParts,
  traceParts,
} from "./pod-parts.ts";
import { listenerSecrets } from "./route/route-settings.ts";
import { gatewayTokenParts } from "./secrets/gateway-token.ts";
import { serverSecretParts } from "./secrets/server-secrets.ts";
import { hasGateways, type ServerManifestOptions, settingsJson } from "./settings.ts";

const ADMIN_KEY_FOLDER = "/etc/faas/admin-key";
/** Time to terminate: a stopping server gives requests 10 s, and needs some time for logs and connections. */
const GRACE_SECONDS = 30;
/** Time to wait for the data folder: longer than a stopping server may take. */
const LOCK_TIMEOUT_SECONDS = 60;

/** Builds the Deployment: one replica that is stopped before the next one starts, because the data folder can only have one writer. */
export function serverDeployment(options: ServerManifestOptions): V1Deployment {
  const { namespace, adminToken } = options;
  const annotations = {
    ...(adminToken === undefined ? {} : { [ADMIN_KEY_ID]: keyIdOf(adminToken) ?? "" }),
    ...gatewayTokenParts(options).annotations,
    ...serverSecretParts(options).annotations,
  };
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
          labels: partLabels(namespace),
          ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
        },
        spec: podSpec(options),
      },
    },
  };
}

function podSpec(options: ServerManifestOptions): V1PodSpec {
  return {
    ...commonPodSpec(SERVER.account, options),
    terminationGracePeriodSeconds: GRACE_SECONDS,
    containers: [container(options)],
    volumes: volumes(options),
  };
}

/** Returns the certificates of the server's listener: it has none where gateways accept the clients. */
const ownTls = (options: ServerManifestOptions) =>
  tlsParts(hasGateways(options) ? undefined : listenerSecrets(options));

function volumes(options: ServerManifestOptions): V1Volume[] {
  // Without the token: the verifier is enough to recognize it.
  const items = [{ key: "verifier", path: "verifier" }];
  const adminKey = { secretName: SERVER.adminKey, items, defaultMode: SECRET_MODE };
  return [
    { name: "data", persistentVolumeClaim: { claimName: SERVER.claim } },
    TMP_VOLUME,
    ...(options.adminToken === undefined ? [] : [{ name: "admin-key", secret: adminKey }]),
    ...ownTls(options).volumes,
    ...gatewayTokenParts(options).volumes,
    ...serverSecretParts(options).volumes,
  ];
}

function container(options: ServerManifestOptions): V1Container {
  const { image, expose, adminToken } = options;
  const isInternal = hasGateways(options);
  const traces = traceParts(options);
  const secrets = serverSecretParts(options);
  const port = isInternal
    ? { name: "control", containerPort: GATEWAY.controlPort }
    : { name: "http", containerPort: SERVER.port, ...(expose === "hostport" ? { hostPort: SERVER.port } : {}) };
  return {
    name: SERVER.container,
    image,
    imagePullPolicy: "IfNotPresent",
    args: commandLine(options),
    env: [
      { name: "FAAS_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
      ...secrets.env,
      ...traces.env,
    ],
    ...traces.envFrom,
    ports: [{ ...port, protocol: "TCP" }],
    // No CPU limit: a throttled gateway would slow down all endpoints.
    resources: {
      requests: { cpu: "250m", memory: "256Mi", ...DISK.request },
      limits: { memory: "1Gi", ...DISK.limit },
    },
    securityContext: CONTAINER_SECURITY,
    volumeMounts: [
      { name: "data", mountPath: "/data" },
      { name: "tmp", mountPath: "/tmp" },
      ...(adminToken === undefined ? [] : [{ name: "admin-key", mountPath: ADMIN_KEY_FOLDER, readOnly: true }]),
      ...ownTls(options).mounts,
      ...gatewayTokenParts(options).mounts,
      ...secrets.mounts,
    ],
    ...probes(port.name, listenerSecrets(options) !== undefined && !isInternal),
  };
}

function commandLine(options: ServerManifestOptions): string[] {
  const { registryPush, registryPull, startupCpu, cpuMax, poolSize, allowImages, adminToken } = options;
  const { accessLog, logRequestIds, maxConnections, maxConnectionsPerAddress } = options;
  const listener = hasGateways(options)
    ? ["--control-listen", `0.0.0.0:${GATEWAY.controlPort}`, ...gatewayTokenParts(options).args]
    : [
        ...["--host", "0.0.0.0", "--port", String(SERVER.port)],
        ...ownTls(options).args,
        ...flag("--max-connections", maxConnections),
        ...flag("--max-connections-per-address", maxConnectionsPerAddress),
      ];
  return [
    ...["up", "--platform", "kubernetes", "--data", "/data", "--lock-timeout", `${LOCK_TIMEOUT_SECONDS}s`],
    ...listener,
    ...flag("--registry-push", registryPush),
    ...flag("--registry-pull", registryPull),
    ...flag("--base-registry", options.baseRegistry),
    ...flag("--startup-cpu", startupCpu),
    ...flag("--cpu-max", cpuMax === "none" ? undefined : cpuMax),
    ...flag("--pool-size", poolSize),
    ...flag("--allow-images", allowImages),
    ...flag("--access-log", accessLog),
    ...flag("--log-request-ids", logRequestIds),
    ...serverSecretParts(options).args,
    ...(adminToken === undefined
      ? ["--auth", "off"]
      : ["--auth", "on", "--admin-key-file", `${ADMIN_KEY_FOLDER}/verifier`]),
  ];
}

function probes(port: string, isSecure: boolean) {
  const probe = (path: string) => httpProbe(path, port, isSecure);
  return {
    // Includes the wait for the data folder, during which the server must not be restarted.
    startupProbe: { ...probe("/-/healthz"), periodSeconds: 1, failureThreshold: LOCK_TIMEOUT_SECONDS + 60 },
    readinessProbe: { ...probe("/-/readyz"), periodSeconds: 2, failureThreshold: 2 },
    livenessProbe: { ...probe("/-/healthz"), periodSeconds: 10, failureThreshold: 3 },
  };
}

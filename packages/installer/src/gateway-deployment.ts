import { GATEWAY_NAME } from "@faas/platforms/kubernetes-manifests";
import type { V1Container, V1Deployment, V1EnvVar, V1PodSpec } from "@kubernetes/client-node";
import { GATEWAY, metadataOf, partLabels, podLabels, SERVER } from "./labels.ts";
import {
  CONTAINER_SECURITY,
  commonPodSpec,
  DISK,
  flag,
  httpProbe,
  TMP_VOLUME,
  tlsParts,
  traceParts,
} from "./pod-parts.ts";
import { listenerSecrets } from "./route/route-settings.ts";
import { gatewayTokenParts } from "./secrets/gateway-token.ts";
import { gatewayRange, type ServerManifestOptions } from "./settings.ts";

/**
 * Time to terminate. A gateway is taken out of its Service and serves on until clients know; then calls, streams and WebSockets in progress have the
 * rest of the time.
 */
const GRACE_SECONDS = 330;
/** Time for which a terminating gateway still accepts connections, because nodes and load balancers learn only then that it is going. */
const DRAIN_SECONDS = 10;
/** Time for calls in progress after that. */
const FINISH_SECONDS = 300;
/** A gateway that crashes is started again while its port stays open: the Service sends clients to it until the node has noticed. */
const KEEP_LISTENING = [
  ...["perl", "/app/packages/gateway/programs/keep-listening.pl", "0.0.0.0", String(SERVER.port)],
  ...["--", "node", "/app/packages/cli/bin/faas.js"],
];
const ZONE = "topology.kubernetes.io/zone";
const HOST = "kubernetes.io/hostname";

/** Builds the Deployment of the gateways. A new one takes calls before an old one ends, and they are spread over nodes and zones. */
export function gatewayDeployment(options: ServerManifestOptions): V1Deployment {
  const { namespace, expose, gatewayReplicas } = options;
  const { min, max } = gatewayRange(options);
  const replicas = Math.min(max, Math.max(min, gatewayReplicas ?? min));
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadataOf(GATEWAY.deployment, namespace, GATEWAY_NAME),
    spec: {
      replicas,
      revisionHistoryLimit: 3,
      selector: { matchLabels: podLabels(namespace, GATEWAY_NAME) },
      strategy: {
        type: "RollingUpdate",
        // A node has the port only once: there, the old gateway has to end first.
        rollingUpdate: expose === "hostport" ? { maxUnavailable: 1, maxSurge: 0 } : { maxUnavailable: 0, maxSurge: 1 },
      },
      template: {
        metadata: {
          labels: partLabels(namespace, GATEWAY_NAME),
          annotations: gatewayTokenParts(options).annotations,
        },
        spec: podSpec(options),
      },
    },
  };
}

function podSpec(options: ServerManifestOptions): V1PodSpec {
  const spreadOver = (topologyKey: string) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: podLabels(options.namespace, GATEWAY_NAME) },
    // Pods of the previous revision are about to end.
    matchLabelKeys: ["pod-template-hash"],
  });
  return {
    ...commonPodSpec(GATEWAY.account, options),
    terminationGracePeriodSeconds: GRACE_SECONDS,
    topologySpreadConstraints: [spreadOver(HOST), spreadOver(ZONE)],
    containers: [container(options)],
    volumes: [TMP_VOLUME, ...tlsParts(listenerSecrets(options)).volumes, ...gatewayTokenParts(options).volumes],
  };
}

function container(options: ServerManifestOptions): V1Container {
  const { image, expose } = options;
  const tlsSecret = listenerSecrets(options);
  const isSecure = tlsSecret !== undefined;
  const traces = traceParts(options);
  const probe = (path: string) => httpProbe(path, "http", isSecure);
  return {
    name: GATEWAY.container,
    image,
    imagePullPolicy: "IfNotPresent",
    command: KEEP_LISTENING,
    args: commandLine(options),
    env: [
      fromField("FAAS_POD", "metadata.name"),
      fromField("FAAS_POD_IP", "status.podIP"),
      fromField("FAAS_NAMESPACE", "metadata.namespace"),
      ...traces.env,
    ],
    ...traces.envFrom,
    ports: [
      {
        ...{ name: "http", containerPort: SERVER.port, protocol: "TCP" },
        ...(expose === "hostport" ? { hostPort: SERVER.port } : {}),
      },
      { name: "peers", containerPort: GATEWAY.peerPort, protocol: "TCP" },
    ],
    // No CPU limit: a throttled gateway would slow down all endpoints.
    resources: {
      requests: { cpu: "250m", memory: "128Mi", ...DISK.request },
      limits: { memory: "1Gi", ...DISK.limit },
    },
    securityContext: CONTAINER_SECURITY,
    volumeMounts: [
      { name: "tmp", mountPath: "/tmp" },
      ...tlsParts(tlsSecret).mounts,
      ...gatewayTokenParts(options).mounts,
    ],
    startupProbe: { ...probe("/-/healthz"), periodSeconds: 1, failureThreshold: 60 },
    // Fails until the gateway knows the endpoints, and from the moment that it is terminating.
    readinessProbe: { ...probe("/-/readyz"), periodSeconds: 1, failureThreshold: 2 },
    livenessProbe: { ...probe("/-/healthz"), periodSeconds: 10, failureThreshold: 3 },
  };
}

const fromField = (name: string, fieldPath: string): V1EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });

function commandLine(options: ServerManifestOptions): string[] {
  const { namespace, accessLog, maxConnections, maxConnectionsPerAddress } = options;
  return [
    "gateway",
    ...["--control", `http://${GATEWAY.controlService}.${namespace}.svc:${GATEWAY.controlPort}`],
    ...gatewayTokenParts(options).args,
    ...["--host", "0.0.0.0", "--port", String(SERVER.port), "--name", "$(FAAS_POD)"],
    ...["--peer-listen", `0.0.0.0:${GATEWAY.peerPort}`, "--peer-address", `$(FAAS_POD_IP):${GATEWAY.peerPort}`],
    ...["--kubernetes", "--drain", `${DRAIN_SECONDS}s`, "--finish", `${FINISH_SECONDS}s`],
    ...tlsParts(listenerSecrets(options)).args,
    ...flag("--access-log", accessLog),
    ...flag("--max-connections", maxConnections),
    ...flag("--max-connections-per-address", maxConnectionsPerAddress),
  ];
}

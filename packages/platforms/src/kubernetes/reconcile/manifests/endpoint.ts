import { createHash } from "node:crypto";
import type { EndpointRef, EndpointSpec } from "@faas/core";
import type {
  V1Container,
  V1Deployment,
  V1Probe,
  V1ResourceRequirements,
  V1Service,
  V2HorizontalPodAutoscaler,
} from "@kubernetes/client-node";
import { isForeignServer } from "../../../common/foreign-server.ts";
import { nodeOptions } from "../../../common/limit-variables.ts";
import { hostVariables } from "../../../common/server-environment.ts";
import { commonEnvironment, functionEnvironment, TAGGED_OUTPUT } from "../../../common/wrapper-environment.ts";
import { diskOf, filesVolume } from "./disk.ts";
import {
  CONTAINER,
  CPU_LIMIT,
  endpointLabels,
  LABELS,
  type ManifestOptions,
  namespaceOf,
  PORT,
  SECRETS,
  secretKey,
} from "./labels.ts";
import { nodeAffinity } from "./node-affinity.ts";
import { placedPod } from "./placement.ts";
import { drainCommand, serverCommand } from "./server-commands.ts";

/** Pure functions from an endpoint's spec to its Kubernetes objects. */

/** User of every pod. Not root (pod security, "restricted"), and the same for all, so that images need not set one. */
const USER = 65_532;
/** Requests as a fraction of the limits: replicas share a node, and are not Guaranteed, so that their CPU limit can change in place. */
const REQUEST_RATIO = 0.25;
/** Time before SIGTERM: a terminating replica may still get requests that were sent just before. */
const PRE_STOP_SECONDS = 1;
const GRACE_SECONDS = 5;
/** Target CPU use of the autoscaler, as a fraction of the CPU limit. */
const CPU_TARGET = 0.8;

/** Returns the name of an endpoint's Service, a label that starts with a letter (RFC 1035); an endpoint's name may start with a digit, and a variant's has a dot. */
export function serviceName(endpoint: string): string {
  if (!/^[0-9]|\./.test(endpoint)) return endpoint;
  const digest = createHash("sha256").update(endpoint).digest("hex").slice(0, 6);
  return `svc-${endpoint.slice(0, 52).replaceAll(".", "-")}-${digest}`;
}

/** Builds the Service for callers in the cluster that a network policy of the user admits. The gateway calls pods directly. */
export function serviceManifest(ref: EndpointRef, options: ManifestOptions): V1Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: serviceName(ref.endpoint),
      namespace: namespaceOf(ref.org),
      labels: endpointLabels(ref, options),
    },
    spec: {
      type: "ClusterIP",
      selector: { [LABELS.endpoint]: ref.endpoint },
      ports: [{ name: "http", port: 80, targetPort: PORT, protocol: "TCP" }],
    },
  };
}

/** Builds the Deployment without `replicas`, which the scaler sets. */
export function deploymentManifest(spec: EndpointSpec, options: ManifestOptions): V1Deployment {
  const labels = endpointLabels(spec, options);
  const affinity = nodeAffinity(spec);
  const graceSeconds = PRE_STOP_SECONDS + Math.ceil(spec.timeoutMs / 1000) + GRACE_SECONDS;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: spec.endpoint, namespace: namespaceOf(spec.org), labels },
    spec: {
      revisionHistoryLimit: 1,
      progressDeadlineSeconds: options.startSeconds + 540,
      selector: { matchLabels: { [LABELS.endpoint]: spec.endpoint } },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "100%" } },
      template: {
        metadata: {
          labels: { ...labels, [LABELS.revision]: spec.revision, [LABELS.egress]: spec.egress },
          annotations: { [CPU_LIMIT]: String(spec.cpuMillis) },
        },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: graceSeconds,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: USER,
            runAsGroup: USER,
            fsGroup: USER,
            seccompProfile: { type: "RuntimeDefault" },
          },
          ...placedPod(options.placements?.of(spec.org), siblings(spec), LABELS.revision),
          ...(affinity === undefined ? {} : { affinity }),
          containers: [container(spec, options)],
          volumes: [filesVolume(spec)],
        },
      },
    },
  };
}

const siblings = ({ endpoint }: EndpointRef) => ({ matchLabels: { [LABELS.endpoint]: endpoint } });

function container(spec: EndpointSpec, options: ManifestOptions): V1Container {
  const command = serverCommand(spec);
  return {
    name: CONTAINER,
    image: spec.artifact.kind === "image" ? spec.artifact.reference : "",
    imagePullPolicy: "IfNotPresent",
    ports: [{ name: "http", containerPort: PORT, protocol: "TCP" }],
    ...(command === undefined ? {} : { command }),
    env: environment(spec, options),
    resources: resourcesOf(spec, startCpuMillis(spec, options)),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
    // When a replica gets SIGTERM, the gateway no longer sends it requests.
    lifecycle: { preStop: preStop(spec) },
    ...probes(spec, options),
  };
}

const preStop = ({ app, runtime, timeoutMs }: EndpointSpec) =>
  app === "server" && runtime !== "dockerfile"
    ? { exec: { command: drainCommand(PRE_STOP_SECONDS, Math.ceil(timeoutMs / 1000)) } }
    : { sleep: { seconds: PRE_STOP_SECONDS } };

const watchesLoading = ({ runtime, app }: EndpointSpec) =>
  (runtime === "node" || runtime === "typescript") && app !== "server";

/** Returns the user's options for Node. Where loading is watched, Node does not log the address of the debugger that the watch uses. */
function ownNodeOptions(spec: EndpointSpec): string {
  const own = spec.env?.NODE_OPTIONS ?? "";
  return watchesLoading(spec) ? `--inspect-publish-uid=http ${own}`.trimEnd() : own;
}

/** Returns the variables of an endpoint's container, except those with a secret's value. */
export function podVariables(spec: EndpointSpec, { tagsOutput }: ManifestOptions): [name: string, value: string][] {
  const variables = {
    ...commonEnvironment("/tmp"),
    ...(spec.app === "server" ? { ...hostVariables("0.0.0.0"), PYTHONUNBUFFERED: "1" } : {}),
    ...functionEnvironment(spec, String(PORT)),
    ...(watchesLoading(spec) ? { FAAS_LOADING_WATCH: "1" } : {}),
    ...(tagsOutput && spec.app !== "server" ? TAGGED_OUTPUT : {}),
    // A Dockerfile may set it, and the pod's variables would win.
    ...(spec.runtime === "dockerfile" ? {} : { NODE_OPTIONS: nodeOptions(spec.memoryBytes, ownNodeOptions(spec)) }),
  };
  const hidden = new Set(Object.keys(spec.secrets ?? {}));
  return Object.entries(variables).filter(([name]) => !hidden.has(name));
}

function environment(spec: EndpointSpec, options: ManifestOptions) {
  const secrets = Object.entries(spec.secrets ?? {}).map(([name, secret]) => ({
    name,
    valueFrom: { secretKeyRef: { name: SECRETS, key: secretKey(secret) } },
  }));
  return [...podVariables(spec, options).map(([name, value]) => ({ name, value })), ...secrets];
}

/** Returns the CPU limit of a starting replica: starting takes more CPU than serving, and a throttled runtime starts slowly. */
function startCpuMillis(spec: EndpointSpec, { startupCpuMillis = 0 }: ManifestOptions): number {
  return Math.max(spec.cpuMillis, startupCpuMillis);
}

/** Returns the CPU request for a CPU limit. */
export const requestedCpuMillis = (limitMillis: number) => Math.max(1, Math.floor(limitMillis * REQUEST_RATIO));

/** Returns the CPU limit for a CPU request. */
export const limitOfRequestedCpu = (requestMillis: number) => Math.round(requestMillis / REQUEST_RATIO);

/** Builds limits and requests. Requests follow the endpoint's own limits, so that changing the CPU limit in place keeps the QoS class. */
export function resourcesOf(spec: EndpointSpec, cpuLimitMillis: number): V1ResourceRequirements {
  const disk = diskOf(spec);
  // Extended resources cannot be overcommitted: their requests are their limits.
  const devices = Object.fromEntries(Object.entries(spec.resources ?? {}).map(([name, n]) => [name, String(n)]));
  return {
    limits: { cpu: `${cpuLimitMillis}m`, memory: String(spec.memoryBytes), ...disk.limit, ...devices },
    requests: {
      cpu: `${requestedCpuMillis(spec.cpuMillis)}m`,
      memory: String(Math.floor(spec.memoryBytes * REQUEST_RATIO)),
      ...disk.request,
      ...devices,
    },
  };
}

/**
 * Builds the kubelet's probes, for rollouts and the Service. The gateway has faster probes of its own. A server without a faas wrapper is only
 * probed for a connection, unless it has a ready path; whether that responds does not decide about its life.
 */
function probes(spec: EndpointSpec, { startSeconds }: ManifestOptions) {
  const isForeign = isForeignServer(spec);
  const connection: V1Probe = { tcpSocket: { port: PORT } };
  const path = isForeign ? spec.readyPath : "/-/ready";
  const probe: V1Probe = path === undefined ? connection : { httpGet: { path, port: PORT } };
  const life = isForeign ? connection : probe;
  const timeoutSeconds = Math.ceil(spec.timeoutMs / 1000) + GRACE_SECONDS;
  return {
    startupProbe: { ...probe, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: startSeconds },
    readinessProbe: { ...probe, periodSeconds: 10, timeoutSeconds, failureThreshold: 1 },
    // Restarts a replica that is stuck for longer than any call may take.
    ...(spec.runtime === "dockerfile"
      ? {}
      : { livenessProbe: { ...life, periodSeconds: 10, timeoutSeconds, failureThreshold: 1 } }),
  };
}

/**
 * Builds the autoscaler of an endpoint with the scaler `cpu`.
 *
 * @param requested replicas that are needed now, which may be more than those of the settings
 */
export function autoscalerManifest(
  spec: EndpointSpec,
  options: ManifestOptions,
  requested = 0,
): V2HorizontalPodAutoscaler {
  const maxReplicas = Math.max(1, spec.maxReplicas);
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: spec.endpoint, namespace: namespaceOf(spec.org), labels: endpointLabels(spec, options) },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: spec.endpoint },
      minReplicas: Math.min(Math.max(1, spec.replicas, requested), maxReplicas),
      maxReplicas,
      metrics: [
        {
          type: "Resource",
          resource: {
            name: "cpu",
            target: { type: "AverageValue", averageValue: `${Math.floor(spec.cpuMillis * CPU_TARGET)}m` },
          },
        },
      ],
    },
  };
}

/** Returns the digest of manifests: observed objects with the same digest need not be applied again. */
export function digestOf(manifests: readonly object[]): string {
  return createHash("sha256").update(JSON.stringify(manifests)).digest("hex").slice(0, 16);
}

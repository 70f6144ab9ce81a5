import type { ExtendedResources, LimitNumbers, Limits } from "@faas/core";
import type {
  V1LimitRange,
  V1Namespace,
  V1NetworkPolicy,
  V1NetworkPolicyEgressRule,
  V1ResourceQuota,
  V1Secret,
  V1ServiceAccount,
} from "@kubernetes/client-node";
import { DISK_RESOURCE, requestedDiskBytes } from "./disk.ts";
import { requestedCpuMillis } from "./endpoint.ts";
import {
  GATEWAY_NAME,
  LABELS,
  type ManifestOptions,
  namespaceOf,
  organizationLabels,
  PORT,
  PULL_SECRET,
  QUOTA,
  SECRETS,
  SERVER_NAME,
} from "./labels.ts";

/** Pure functions from an organization to its Kubernetes objects. */

/** Limits of an organization without limits of its own: enough for one team, but less than a cluster has. */
export const DEFAULT_LIMITS: Limits = { cpu: "100", memory: "256Gi", disk: "1024Gi", replicas: 500 };

/** Builds the namespace, which contains all objects of the organization. */
export function namespaceManifest(org: string, options: ManifestOptions): V1Namespace {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: namespaceOf(org),
      labels: {
        ...organizationLabels(org, options),
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
      },
    },
  };
}

/** Builds the objects in the namespace that belong to no endpoint: network policies and limits. */
export function organizationManifests(
  org: string,
  limits: LimitNumbers,
  options: ManifestOptions,
  resources: ExtendedResources = {},
) {
  return [
    ingressPolicy(org, options),
    egressPolicy(org, options),
    resourceQuota(org, limits, options, resources),
    limitRange(org, options),
  ].map(withWireNames);
}

const metadataOf = (name: string, org: string, options: ManifestOptions) => ({
  name,
  namespace: namespaceOf(org),
  labels: organizationLabels(org, options),
});

function ingressPolicy(org: string, options: ManifestOptions): V1NetworkPolicy {
  const fromServer = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": options.serverNamespace ?? "" } },
    podSelector: { matchExpressions: [{ key: LABELS.name, operator: "In", values: [SERVER_NAME, GATEWAY_NAME] }] },
  };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadataOf("faas-gateway-only", org, options),
    spec: {
      podSelector: {},
      policyTypes: ["Ingress"],
      ingress: [
        {
          _from: [
            ...(options.serverNamespace === undefined ? [] : [fromServer]),
            ...options.gatewayCidrs.map((cidr) => ({ ipBlock: { cidr } })),
          ],
          ports: [{ port: PORT, protocol: "TCP" }],
        },
      ],
    },
  };
}

function egressPolicy(org: string, options: ManifestOptions): V1NetworkPolicy {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadataOf("faas-egress-none", org, options),
    spec: {
      podSelector: { matchLabels: { [LABELS.egress]: "none" } },
      policyTypes: ["Egress"],
      egress: egressRules(),
    },
  };
}

/** Returns the connections that a pod without egress may open: to name servers. */
export const egressRules = (): V1NetworkPolicyEgressRule[] => [
  {
    ports: [
      { port: 53, protocol: "UDP" },
      { port: 53, protocol: "TCP" },
    ],
  },
];

/** Deployments of one endpoint: its revisions that run at a time. The control server limits the number of endpoints itself. */
const MAX_DEPLOYMENTS = 20;

function resourceQuota(
  org: string,
  limits: LimitNumbers,
  options: ManifestOptions,
  resources: ExtendedResources,
): V1ResourceQuota {
  const { cpuMillis, memoryBytes, diskBytes, replicas, endpoints } = limits;
  return {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: metadataOf(QUOTA, org, options),
    spec: {
      // CPU and disk are limited by requests, which follow the endpoints' own limits: the startup boost, logs and copied code do not count.
      hard: {
        "requests.cpu": `${requestedCpuMillis(cpuMillis)}m`,
        "limits.memory": String(memoryBytes),
        [`requests.${DISK_RESOURCE}`]: String(requestedDiskBytes(diskBytes)),
        pods: String(replicas),
        ...Object.fromEntries(Object.entries(resources).map(([name, count]) => [`requests.${name}`, String(count)])),
        ...(Number.isFinite(endpoints) ? { "count/deployments.apps": String(endpoints * MAX_DEPLOYMENTS) } : {}),
      },
    },
  };
}

function limitRange(org: string, options: ManifestOptions): V1LimitRange {
  return {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: metadataOf(QUOTA, org, options),
    spec: {
      limits: [
        {
          type: "Container",
          _default: { cpu: "100m", memory: "256Mi", [DISK_RESOURCE]: "1Gi" },
          defaultRequest: { cpu: "25m", memory: "64Mi", [DISK_RESOURCE]: "256Mi" },
        },
      ],
    },
  };
}

/**
 * Builds the credentials for pulling the organization's images. The pods' default service account names them, and so does every new pod: a pod that
 * names a missing secret waits for it.
 */
export function pullSecretManifests(
  org: string,
  dockerConfigJson: string,
  options: ManifestOptions,
): readonly [V1Secret, V1ServiceAccount] {
  const namespace = namespaceOf(org);
  return [
    {
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/dockerconfigjson",
      metadata: metadataOf(PULL_SECRET, org, options),
      data: { ".dockerconfigjson": Buffer.from(dockerConfigJson).toString("base64") },
    },
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "default", namespace },
      imagePullSecrets: [{ name: PULL_SECRET }],
    },
  ];
}

/** Builds the Secret of an organization's secrets without their values, which are added and removed one by one. */
export function secretsManifest(org: string, options: ManifestOptions): V1Secret {
  return { apiVersion: "v1", kind: "Secret", type: "Opaque", metadata: metadataOf(SECRETS, org, options) };
}

/** Restores the API's names of two fields that the client's types rename because they are reserved words in JavaScript. */
function withWireNames<T>(object: T): T {
  return JSON.parse(JSON.stringify(object), (_key, value) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    const { _from: from, _default: fallback, ...rest } = value;
    return {
      ...rest,
      ...(from === undefined ? {} : { from }),
      ...(fallback === undefined ? {} : { default: fallback }),
    };
  });
}

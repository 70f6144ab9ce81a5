import { createHash } from "node:crypto";
import type { EndpointRef, EndpointSpec, LimitNumbers, Limits, SecretVersion } from "@faas/core";
import { NAMESPACE_PREFIX } from "@faas/core";
import type {
  V1Container,
  V1Deployment,
  V1LimitRange,
  V1Namespace,
  V1NetworkPolicy,
  V1Probe,
  V1ResourceQuota,
  V1ResourceRequirements,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V2HorizontalPodAutoscaler,
} from "@kubernetes/client-node";
import { commonEnvironment, functionEnvironment } from "../../common/wrapper-environment.ts";

/** Pure: from what is wanted to Kubernetes' objects. Nothing here asks a cluster. */

/** Names of our labels and annotations. */
export const LABELS = {
  managedBy: "app.kubernetes.io/managed-by",
  name: "app.kubernetes.io/name",
  instance: "faas/instance",
  org: "faas/org",
  endpoint: "faas/endpoint",
  revision: "faas/revision",
  egress: "faas/egress",
} as const;
/** Annotation: the digest of what was applied. */
export const APPLIED = "faas/applied";
/** Annotation of a pod: its endpoint's CPU limit, in thousandths of a core. */
export const CPU_LIMIT = "faas/cpu-millis";
export const MANAGER = "faas";
/** Label `app.kubernetes.io/name` of the control server's own pods. */
export const SERVER_NAME = "faas-server";
export const CONTAINER = "function";
export const PORT = 8080;
export const PULL_SECRET = "faas-registry";
/** Name of the Secret that has the values of an organization's secrets. */
export const SECRETS = "faas-secrets";
/** Name of an organization's ResourceQuota and LimitRange. */
export const QUOTA = "faas";

/** Any number that is not root's (pod security, "restricted"): the same for all, so that an image need not name one. */
const USER = 65_532;
/** Requests are so much of the limits: replicas share a node, and are not Guaranteed, which lets their CPU limit change in place. */
const REQUESTED = 0.25;
/** A replica that was taken off the list may still get a request that was sent just before. */
const SETTLE_SECONDS = 1;
const GRACE_SECONDS = 5;
/** HPA: of the CPU limit. */
const CPU_TARGET = 0.8;

/** What holds for all objects of one control server. */
export interface ManifestOptions {
  /** Tells the objects of one control server from those of another. */
  readonly instance: string;
  /** CPU limit while a replica starts; undefined where the cluster cannot change it in place. */
  readonly startupCpuMillis?: number;
  /** Time for the user's code to load. */
  readonly startSeconds: number;
  /** Namespace of the control server when it runs in the cluster. */
  readonly serverNamespace?: string;
  /** Addresses (CIDR) from which a control server outside the cluster calls replicas. */
  readonly gatewayCidrs: readonly string[];
}

export const namespaceOf = (org: string): string => `${NAMESPACE_PREFIX}${org}`;

/** Selects all of one control server's objects. */
export const selectorOf = (instance: string): string => `${LABELS.managedBy}=${MANAGER},${LABELS.instance}=${instance}`;

/** A Service's name has to begin with a letter (RFC 1035); an endpoint's need not. */
export function serviceName(endpoint: string): string {
  if (!/^[0-9]/.test(endpoint)) return endpoint;
  const digest = createHash("sha256").update(endpoint).digest("hex").slice(0, 6);
  return `svc-${endpoint.slice(0, 52)}-${digest}`;
}

const ownLabels = (org: string, { instance }: ManifestOptions) => ({
  [LABELS.managedBy]: MANAGER,
  [LABELS.instance]: instance,
  [LABELS.org]: org,
});

export const endpointLabels = ({ org, endpoint }: EndpointRef, options: ManifestOptions) => ({
  ...ownLabels(org, options),
  [LABELS.endpoint]: endpoint,
});

/** The namespace, which holds all that the organization has. */
export function namespaceManifest(org: string, options: ManifestOptions): V1Namespace {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: namespaceOf(org),
      labels: {
        ...ownLabels(org, options),
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
      },
    },
  };
}

/** Of an organization that has none of its own: what one team uses, and not all that a cluster has. */
export const DEFAULT_LIMITS: Limits = { cpu: "100", memory: "256Gi", replicas: 500 };

/** All in an organization's namespace that is not an endpoint's: who may connect, how much all may take. */
export function orgManifests(org: string, limits: LimitNumbers, options: ManifestOptions) {
  const metadata = (name: string) => ({ name, namespace: namespaceOf(org), labels: ownLabels(org, options) });
  const { cpuMillis, memoryBytes, replicas, endpoints } = limits;
  const fromServer = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": options.serverNamespace ?? "" } },
    podSelector: { matchLabels: { [LABELS.name]: SERVER_NAME } },
  };
  const ingress: V1NetworkPolicy = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata("faas-gateway-only"),
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
  const egress: V1NetworkPolicy = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata("faas-egress-none"),
    spec: {
      podSelector: { matchLabels: { [LABELS.egress]: "none" } },
      policyTypes: ["Egress"],
      egress: [
        {
          ports: [
            { port: 53, protocol: "UDP" },
            { port: 53, protocol: "TCP" },
          ],
        },
      ],
    },
  };
  const resourceQuota: V1ResourceQuota = {
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: metadata(QUOTA),
    spec: {
      // CPU by requests, which follow the endpoints' own limits: the startup boost is no use of the limit.
      hard: {
        "requests.cpu": `${requestedCpu(cpuMillis)}m`,
        "limits.memory": String(memoryBytes),
        pods: String(replicas),
        ...(Number.isFinite(endpoints) ? { "count/deployments.apps": String(endpoints) } : {}),
      },
    },
  };
  const limitRange: V1LimitRange = {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: metadata(QUOTA),
    spec: {
      limits: [
        {
          type: "Container",
          _default: { cpu: "100m", memory: "256Mi" },
          defaultRequest: { cpu: "25m", memory: "64Mi" },
        },
      ],
    },
  };
  return [ingress, egress, resourceQuota, limitRange].map(wireNames);
}

/**
 * Credentials for pulling the organization's images. Named on the account that its pods have by default, and so on every new pod: naming a
 * secret that is not there would make each start wait for it.
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
      metadata: { name: PULL_SECRET, namespace, labels: ownLabels(org, options) },
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

/** Where the values of an organization's secrets are, without them: they are added and taken away one by one. */
export function secretsManifest(org: string, options: ManifestOptions): V1Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: { name: SECRETS, namespace: namespaceOf(org), labels: ownLabels(org, options) },
  };
}

/** The key of a value there. */
export const secretKey = ({ name, version }: SecretVersion): string => `${name}.${version}`;

/** The ClusterIP Service: for callers in the cluster that a network policy of the user's lets in. The gateway goes to the pods themselves. */
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

/** Without `replicas`: that is the scaler's. */
export function deploymentManifest(spec: EndpointSpec, options: ManifestOptions): V1Deployment {
  const labels = endpointLabels(spec, options);
  const graceSeconds = SETTLE_SECONDS + Math.ceil(spec.timeoutMs / 1000) + GRACE_SECONDS;
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
          containers: [container(spec, options)],
          volumes: [{ name: "tmp", emptyDir: {} }],
        },
      },
    },
  };
}

function container(spec: EndpointSpec, options: ManifestOptions): V1Container {
  return {
    name: CONTAINER,
    image: spec.artifact.kind === "image" ? spec.artifact.reference : "",
    imagePullPolicy: "IfNotPresent",
    ports: [{ name: "http", containerPort: PORT, protocol: "TCP" }],
    env: environment(spec),
    resources: resourcesOf(spec, startCpuMillis(spec, options)),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
    // Ended replicas are no longer picked when they get SIGTERM.
    lifecycle: { preStop: { sleep: { seconds: SETTLE_SECONDS } } },
    ...probes(spec, options),
  };
}

function environment(spec: EndpointSpec) {
  const variables = { ...commonEnvironment("/tmp"), ...functionEnvironment(spec, String(PORT)) };
  const secrets = Object.entries(spec.secrets ?? {}).map(([name, secret]) => ({
    name,
    valueFrom: { secretKeyRef: { name: SECRETS, key: secretKey(secret) } },
  }));
  const hidden = new Set(Object.keys(spec.secrets ?? {}));
  const plain = Object.entries(variables).filter(([name]) => !hidden.has(name));
  return [...plain.map(([name, value]) => ({ name, value })), ...secrets];
}

/** CPU limit that a replica starts with: starting takes more than serving, and a throttled runtime starts slowly. */
export function startCpuMillis(spec: EndpointSpec, { startupCpuMillis = 0 }: ManifestOptions): number {
  return Math.max(spec.cpuMillis, startupCpuMillis);
}

const requestedCpu = (limitMillis: number) => Math.max(1, Math.floor(limitMillis * REQUESTED));

/** The CPU limit that goes with a request. */
export const limitOfRequestedCpu = (requestMillis: number) => Math.round(requestMillis / REQUESTED);

/** Limits and requests with the given CPU limit. Requests follow the endpoint's own limits, so that a change in place keeps the QoS class. */
export function resourcesOf(spec: EndpointSpec, cpuLimitMillis: number): V1ResourceRequirements {
  return {
    limits: { cpu: `${cpuLimitMillis}m`, memory: String(spec.memoryBytes) },
    requests: {
      cpu: `${requestedCpu(spec.cpuMillis)}m`,
      memory: String(Math.floor(spec.memoryBytes * REQUESTED)),
    },
  };
}

/**
 * The kubelet's probes: for rollouts and the Service. The gateway has its own, quicker ones. A server that is not our wrapper is asked for no
 * more than a connection.
 */
function probes(spec: EndpointSpec, { startSeconds }: ManifestOptions) {
  const isForeign = spec.runtime === "dockerfile";
  const ask: V1Probe = isForeign ? { tcpSocket: { port: PORT } } : { httpGet: { path: "/-/ready", port: PORT } };
  const patienceSeconds = Math.ceil(spec.timeoutMs / 1000) + GRACE_SECONDS;
  return {
    startupProbe: { ...ask, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: startSeconds },
    readinessProbe: { ...ask, periodSeconds: 10, timeoutSeconds: patienceSeconds, failureThreshold: 1 },
    // One that is stuck for longer than any call may take.
    ...(isForeign
      ? {}
      : { livenessProbe: { ...ask, periodSeconds: 10, timeoutSeconds: patienceSeconds, failureThreshold: 1 } }),
  };
}

/** For the scaler `cpu`. */
export function autoscalerManifest(spec: EndpointSpec, options: ManifestOptions): V2HorizontalPodAutoscaler {
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: { name: spec.endpoint, namespace: namespaceOf(spec.org), labels: endpointLabels(spec, options) },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: spec.endpoint },
      minReplicas: Math.max(1, spec.replicas),
      maxReplicas: Math.max(1, spec.maxReplicas),
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

/** The digest of manifests: what is observed under it need not be applied again. */
export function digestOf(manifests: readonly object[]): string {
  return createHash("sha256").update(JSON.stringify(manifests)).digest("hex").slice(0, 16);
}

/** The client's types rename two fields that are words of JavaScript; on the wire they have their own names. */
function wireNames<T>(object: T): T {
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

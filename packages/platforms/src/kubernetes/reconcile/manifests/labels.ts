import { type EndpointRef, NAMESPACE_PREFIX, type Placement, type SecretVersion } from "@faas/core";

/** Names, labels and annotations of the server's Kubernetes objects. */

/** Label names. */
export const LABELS = {
  managedBy: "app.kubernetes.io/managed-by",
  name: "app.kubernetes.io/name",
  /** Namespace of the installation that an object of the control server or of gateways belongs to. */
  installation: "app.kubernetes.io/instance",
  instance: "faas/instance",
  org: "faas/org",
  endpoint: "faas/endpoint",
  revision: "faas/revision",
  egress: "faas/egress",
  /** Variant of a pod that waits for a function. */
  warm: "faas/warm",
  /** Present on a pod that is being handed over to an endpoint's ReplicaSet, which must not delete it yet. */
  handOver: "faas/hand-over",
} as const;
/** Annotation: digest of the applied manifests. */
export const APPLIED = "faas/applied";
/** Annotation of a pod: CPU limit of its endpoint, in thousandths of a core. */
export const CPU_LIMIT = "faas/cpu-millis";
/** Scheduling gate of a warm pod, which the control server removes when the pod does not compete with starting replicas. */
export const REFILL_GATE = "faas/refill";
/** Value of the label `app.kubernetes.io/managed-by`. */
export const MANAGER = "faas";
/** Value of the label `app.kubernetes.io/name` on the control server's own pods. */
export const SERVER_NAME = "faas-server";
/** Name of a replica's container. */
export const CONTAINER = "function";
/** Port that a replica listens on. */
export const PORT = 8080;
/** Value of the label `app.kubernetes.io/name` on the pods of gateways, and field manager of the replicas that a gateway starts by itself. */
export const GATEWAY_NAME = "faas-gateway";
/** Time after which a pod of a lost node is replaced by one elsewhere. The default of Kubernetes, five minutes, is for pods that keep something. */
const LOST_NODE_SECONDS = 30;
/** Tolerations of pods that keep nothing on their node. */
export const LOST_NODE_TOLERATIONS = ["not-ready", "unreachable"].map((condition) => ({
  ...{ key: `node.kubernetes.io/${condition}`, operator: "Exists", effect: "NoExecute" },
  tolerationSeconds: LOST_NODE_SECONDS,
}));
/** Name of the Secret with an organization's registry login. */
export const PULL_SECRET = "faas-registry";
/** Name of the Secret with the values of an organization's secrets. */
export const SECRETS = "faas-secrets";
/** Name of an organization's ResourceQuota and LimitRange. */
export const QUOTA = "faas";

/** Settings common to all objects of a control server. */
export interface ManifestOptions {
  /** Name of the control server, which tells its objects from those of other control servers. */
  readonly instance: string;
  /** CPU limit of a starting replica; `undefined` if the cluster cannot resize pods in place. */
  readonly startupCpuMillis?: number;
  /** Time for the function to load. */
  readonly startSeconds: number;
  /** Lines carry the ids of the calls that print them. */
  readonly tagsOutput?: boolean;
  /** Namespace of the control server if it runs in the cluster. */
  readonly serverNamespace?: string;
  /** Addresses (CIDR) from which a control server outside the cluster calls replicas. */
  readonly gatewayCidrs: readonly string[];
  /** Placements of organizations. Absent: none has one. */
  readonly placements?: { of(org: string): Placement | undefined };
}

export const namespaceOf = (org: string): string => `${NAMESPACE_PREFIX}${org}`;

/** Returns the key of a secret's value in the organization's Secret. */
export const secretKey = ({ name, version }: SecretVersion): string => `${name}.${version}`;

/** Returns the label selector of all objects of a control server. */
export const selectorOf = (instance: string): string => `${LABELS.managedBy}=${MANAGER},${LABELS.instance}=${instance}`;

export const organizationLabels = (org: string, { instance }: ManifestOptions) => ({
  [LABELS.managedBy]: MANAGER,
  [LABELS.instance]: instance,
  [LABELS.org]: org,
});

export const endpointLabels = ({ org, endpoint }: EndpointRef, options: ManifestOptions) => ({
  ...organizationLabels(org, options),
  [LABELS.endpoint]: endpoint,
});

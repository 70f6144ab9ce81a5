/** Names and shapes of Kubernetes objects, as far as the server uses them. */

/** The parts of an object that every kind has. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string | Date;
    readonly deletionTimestamp?: string | Date;
    readonly managedFields?: readonly ManagedFields[];
  };
}

/** Kubernetes' FieldsV1: a tree whose keys are `f:name` for a field, `k:{"name":"x"}` for an item of a list, and `.` for the node itself. */
export interface Fields {
  readonly [key: string]: Fields;
}

/** The fields that one manager owns (Kubernetes API, `ManagedFieldsEntry`). */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly apiVersion?: string;
  readonly time?: string | Date;
  readonly fieldsType?: string;
  /** `status`, `scale` …; absent for the object itself. */
  readonly subresource?: string;
  readonly fieldsV1?: Fields;
}

/** Location of an object kind in the API, such as `/api/v1/…/pods`. */
export interface Resource {
  /** `api/v1`, `apis/apps/v1` … */
  readonly group: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

export const resources = {
  Node: { group: "api/v1", plural: "nodes", namespaced: false },
  Namespace: { group: "api/v1", plural: "namespaces", namespaced: false },
  Pod: { group: "api/v1", plural: "pods", namespaced: true },
  Service: { group: "api/v1", plural: "services", namespaced: true },
  ServiceAccount: { group: "api/v1", plural: "serviceaccounts", namespaced: true },
  Secret: { group: "api/v1", plural: "secrets", namespaced: true },
  PersistentVolumeClaim: { group: "api/v1", plural: "persistentvolumeclaims", namespaced: true },
  ResourceQuota: { group: "api/v1", plural: "resourcequotas", namespaced: true },
  LimitRange: { group: "api/v1", plural: "limitranges", namespaced: true },
  Deployment: { group: "apis/apps/v1", plural: "deployments", namespaced: true },
  ReplicaSet: { group: "apis/apps/v1", plural: "replicasets", namespaced: true },
  HorizontalPodAutoscaler: { group: "apis/autoscaling/v2", plural: "horizontalpodautoscalers", namespaced: true },
  NetworkPolicy: { group: "apis/networking.k8s.io/v1", plural: "networkpolicies", namespaced: true },
  Ingress: { group: "apis/networking.k8s.io/v1", plural: "ingresses", namespaced: true },
  Gateway: { group: "apis/gateway.networking.k8s.io/v1", plural: "gateways", namespaced: true },
  HTTPRoute: { group: "apis/gateway.networking.k8s.io/v1", plural: "httproutes", namespaced: true },
  EndpointSlice: { group: "apis/discovery.k8s.io/v1", plural: "endpointslices", namespaced: true },
  PodDisruptionBudget: { group: "apis/policy/v1", plural: "poddisruptionbudgets", namespaced: true },
  ClusterRole: { group: "apis/rbac.authorization.k8s.io/v1", plural: "clusterroles", namespaced: false },
  ClusterRoleBinding: { group: "apis/rbac.authorization.k8s.io/v1", plural: "clusterrolebindings", namespaced: false },
  ValidatingAdmissionPolicy: {
    group: "apis/admissionregistration.k8s.io/v1",
    plural: "validatingadmissionpolicies",
    namespaced: false,
  },
  ValidatingAdmissionPolicyBinding: {
    group: "apis/admissionregistration.k8s.io/v1",
    plural: "validatingadmissionpolicybindings",
    namespaced: false,
  },
} as const satisfies Record<string, Resource>;
export type Kind = keyof typeof resources;

/** Path of a kind in a namespace, or of one object of it. */
export function pathOf(kind: Kind, namespace: string | undefined, name?: string): string {
  const { group, plural, namespaced } = resources[kind];
  const within = namespaced && namespace !== undefined ? `/namespaces/${namespace}` : "";
  return `/${group}${within}/${plural}${name === undefined ? "" : `/${name}`}`;
}

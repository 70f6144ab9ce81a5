import { PULL_SECRET, SECRETS } from "@faas/platforms/kubernetes-manifests";
import type { V1PolicyRule } from "@kubernetes/client-node";

const WATCH = ["list", "watch"];
const WRITE = ["create", "patch"];

/**
 * The server's permissions in all namespaces, because RBAC cannot match names by prefix. Server-side apply needs `create` in addition to `patch`.
 */
export const SERVER_RULES: readonly V1PolicyRule[] = [
  { apiGroups: [""], resources: ["namespaces"], verbs: ["get", ...WATCH, ...WRITE, "delete"] },
  // The operating systems and CPUs that images are built for.
  { apiGroups: [""], resources: ["nodes"], verbs: ["list"] },
  { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", ...WATCH, ...WRITE, "delete"] },
  { apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["get", "patch", "update"] },
  // The server writes the ReplicaSets of warm pods. It reads those of endpoints when it hands a warm pod over.
  { apiGroups: ["apps"], resources: ["replicasets"], verbs: [...WATCH, ...WRITE, "delete"] },
  // A warm pod that is handed over gets other labels.
  { apiGroups: [""], resources: ["pods"], verbs: ["get", ...WATCH, "patch", "delete"] },
  // The policy that keeps ReplicaSets from deleting such pods: the server only looks whether it is there.
  {
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
    verbs: ["get"],
  },
  { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
  { apiGroups: [""], resources: ["pods/resize"], verbs: ["patch"] },
  { apiGroups: [""], resources: ["services"], verbs: ["get", ...WATCH, ...WRITE, "delete"] },
  {
    apiGroups: ["autoscaling"],
    resources: ["horizontalpodautoscalers"],
    verbs: ["get", ...WATCH, ...WRITE, "delete"],
  },
  { apiGroups: ["policy"], resources: ["poddisruptionbudgets"], verbs: ["get", ...WATCH, ...WRITE, "delete"] },
  { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: ["get", ...WATCH, ...WRITE, "delete"] },
  { apiGroups: [""], resources: ["resourcequotas", "limitranges"], verbs: ["get", ...WATCH, ...WRITE, "delete"] },
  // The credentials for pulling images, with which the server also reads followed tags, and the organizations' secrets: it reads those of webhooks.
  {
    apiGroups: [""],
    resources: ["secrets"],
    resourceNames: [PULL_SECRET, SECRETS],
    verbs: ["get", ...WRITE, "delete"],
  },
  // The service account of the organizations' pods, which names the credentials for pulling images.
  { apiGroups: [""], resources: ["serviceaccounts"], resourceNames: ["default"], verbs: WRITE },
  {
    apiGroups: ["apiregistration.k8s.io"],
    resources: ["apiservices"],
    resourceNames: ["v1beta1.metrics.k8s.io"],
    verbs: ["get"],
  },
];

/**
 * The permissions of a gateway in a pod of its own: it follows the replicas of its endpoints, and starts some while the control server is unavailable. An
 * admission policy narrows the latter.
 */
export const GATEWAY_RULES: readonly V1PolicyRule[] = [
  { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: WATCH },
  { apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["get", "patch"] },
];

/** A single permission, as in a `SelfSubjectAccessReview`. */
export interface Permission {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
}

const OWN_VERBS = ["get", "list", "create", "patch", "delete"];

/**
 * Lists the permissions that `faas install` needs, including those of the server: it can only grant permissions that it has itself (Kubernetes RBAC,
 * "Privilege escalation prevention").
 */
export function installPermissions(): Permission[] {
  const own = (group: string, resource: string, verbs: readonly string[] = OWN_VERBS) =>
    verbs.map((verb) => ({ verb, group, resource }));
  return [
    ...own("", "namespaces"),
    ...own("", "serviceaccounts"),
    ...own("", "persistentvolumeclaims"),
    ...own("", "services"),
    ...own("", "secrets"),
    ...own("", "events", ["list"]),
    ...own("apps", "deployments"),
    ...own("rbac.authorization.k8s.io", "clusterroles"),
    ...own("rbac.authorization.k8s.io", "clusterrolebindings"),
    ...own("policy", "poddisruptionbudgets"),
    ...own("networking.k8s.io", "ingresses"),
    ...own("gateway.networking.k8s.io", "gateways"),
    ...own("gateway.networking.k8s.io", "httproutes"),
    ...own("admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ...own("admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    ...SERVER_RULES.flatMap(permissionsOf),
    ...GATEWAY_RULES.flatMap(permissionsOf),
  ];
}

function permissionsOf({
  apiGroups = [],
  resources = [],
  verbs,
  resourceNames = [],
}: V1PolicyRule): readonly Permission[] {
  const names = resourceNames.length === 0 ? [{}] : resourceNames.map((name) => ({ name }));
  return apiGroups.flatMap((group) =>
    resources.flatMap((path) => {
      const [resource = "", subresource] = path.split("/");
      const target = { group, resource, ...(subresource ? { subresource } : {}) };
      return verbs.flatMap((verb) => names.map((name) => ({ verb, ...target, ...name })));
    }),
  );
}

import type { KubernetesCredentials } from "@faas/platforms/kubernetes-client";
import { ClusterError, type KubernetesApi } from "@faas/platforms/kubernetes-client";
import type { V1DaemonSet, V1StorageClass } from "@kubernetes/client-node";
import { installPermissions, type Permission } from "../permissions.ts";
import { type ClusterCheck, ok, warning } from "./cluster-check.ts";

/** Read-only checks of a cluster for `faas doctor`. */

type Check = (api: KubernetesApi, signal: AbortSignal) => Promise<ClusterCheck>;

const CHECKS: Readonly<Record<string, Check>> = {
  "startup boost": checkResize,
  storage: checkStorage,
  metrics: checkMetrics,
  policies: checkPolicies,
};

/** Runs all checks, or only the first one if the cluster does not answer. */
export async function checkCluster(
  api: KubernetesApi,
  { context }: Pick<KubernetesCredentials, "context">,
  namespace: string,
  signal: AbortSignal,
): Promise<ClusterCheck[]> {
  const cluster = await checkApiServer(api, context, signal);
  if (cluster.status !== "ok") return [cluster];
  const checks = Object.entries(CHECKS).map(([name, check]) =>
    // A check without permission must not prevent the others.
    check(api, signal).catch((error: Error) =>
      warning(name, error.message.split("\n", 1)[0] as string, "Ask a cluster admin to run this check"),
    ),
  );
  return [cluster, ...(await Promise.all([checkPermissions(api, namespace, signal), ...checks]))];
}

async function checkApiServer(api: KubernetesApi, context: string, signal: AbortSignal): Promise<ClusterCheck> {
  try {
    const { gitVersion } = await api.call<{ gitVersion: string }>("GET", "/version", { signal });
    return ok("cluster", `Kubernetes ${gitVersion} at ${api.url}, context ${context}`);
  } catch (error) {
    return warning(
      "cluster",
      `context ${context}: ${(error as Error).message}`,
      'Needed only for servers on Kubernetes: choose another context, or see "kubectl cluster-info"',
    );
  }
}

/** Checks that a pod's resources can be changed in place (Kubernetes 1.33 and later). */
async function checkResize(api: KubernetesApi, signal: AbortSignal): Promise<ClusterCheck> {
  const { resources } = await api.call<{ resources: readonly { name: string }[] }>("GET", "/api/v1", { signal });
  if (resources.some(({ name }) => name === "pods/resize")) return ok("startup boost", "pods can be resized in place");
  return warning(
    "startup boost",
    "pods cannot be resized in place",
    "Needs Kubernetes 1.33. Without it, a cold start with a CPU limit of 100m takes about one second longer: deploy with a larger --cpu",
  );
}

async function checkStorage(api: KubernetesApi, signal: AbortSignal): Promise<ClusterCheck> {
  const { items } = await api.call<{ items: V1StorageClass[] }>("GET", "/apis/storage.k8s.io/v1/storageclasses", {
    signal,
  });
  const names = items.map(({ metadata }) => metadata?.name ?? "");
  const byDefault = items.find(
    ({ metadata }) => metadata?.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true",
  );
  if (byDefault) return ok("storage", `the default storage class is ${byDefault.metadata?.name}`);
  const found = names.length === 0 ? "no storage class" : `no default storage class (${names.join(", ")})`;
  return warning("storage", found, "Run faas install with --storage-class CLASS, or make one the default");
}

async function checkMetrics(api: KubernetesApi, signal: AbortSignal): Promise<ClusterCheck> {
  try {
    await api.call("GET", "/apis/metrics.k8s.io/v1beta1", { signal });
    return ok("metrics", "the metrics server answers");
  } catch (error) {
    if (!(error instanceof ClusterError) || (error.httpStatus !== 404 && error.httpStatus !== 503)) throw error;
    return warning("metrics", "no metrics server answers", "Needed only for --scaler cpu: install metrics-server");
  }
}

/** DaemonSets of network plugins, and whether the plugin enforces network policies. */
const PLUGINS: readonly (readonly [pattern: RegExp, name: string, enforces: boolean])[] = [
  [/^(calico-node|canal)$/, "Calico", true],
  [/^cilium$/, "Cilium", true],
  [/^antrea-agent$/, "Antrea", true],
  [/^kube-router$/, "kube-router", true],
  [/^weave-net$/, "Weave Net", true],
  [/^ovnkube-node/, "OVN-Kubernetes", true],
  [/^kube-ovn-cni$/, "Kube-OVN", true],
  [/^(kube-)?flannel/, "flannel", false],
];

/** Recognizes the network plugin by the names of the cluster's DaemonSets. Pure. */
export function policyCheck(daemonSets: readonly string[]): ClusterCheck {
  const found = PLUGINS.filter(([pattern]) => daemonSets.some((name) => pattern.test(name)));
  const enforcing = found.find(([, , enforces]) => enforces);
  if (enforcing) return ok("policies", `${enforcing[1]} enforces network policies`);
  const [other] = found;
  if (other)
    return warning(
      "policies",
      `${other[1]} does not enforce network policies`,
      "Pods of one organization can call those of another: add a network plugin that enforces network policies",
    );
  return warning(
    "policies",
    "cannot tell if network policies are enforced",
    'Run "faas doctor --deep" to test it with two pods',
  );
}

async function checkPolicies(api: KubernetesApi, signal: AbortSignal): Promise<ClusterCheck> {
  const { items } = await api.call<{ items: V1DaemonSet[] }>("GET", "/apis/apps/v1/daemonsets", { signal });
  return policyCheck(items.map(({ metadata }) => metadata?.name ?? ""));
}

const CLUSTER_WIDE = /^(namespaces|clusterroles|clusterrolebindings|apiservices|validatingadmissionpolic.*)$/;
const MAX_SHOWN = 4;

/** Checks the permissions for `faas install` (`SelfSubjectAccessReview`). */
async function checkPermissions(api: KubernetesApi, namespace: string, signal: AbortSignal): Promise<ClusterCheck> {
  const permissions = installPermissions();
  const allowed = await Promise.all(
    permissions.map(async (permission) => {
      const scope = CLUSTER_WIDE.test(permission.resource) ? {} : { namespace };
      const spec = { resourceAttributes: { ...permission, ...scope } };
      const body = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec };
      const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
      const { status } = await api.call<{ status: { allowed: boolean } }>("POST", path, { body, signal });
      return status.allowed;
    }),
  );
  const missing = [...new Set(permissions.filter((_, index) => !allowed[index]).map(permissionName))];
  if (missing.length === 0) return ok("rights", `all that faas install needs (${permissions.length} checked)`);
  const shown = missing.slice(0, MAX_SHOWN).join(", ");
  const more = missing.length > MAX_SHOWN ? `, and ${missing.length - MAX_SHOWN} more` : "";
  return warning("rights", `missing: ${shown}${more}`, "Needed only for faas install: ask a cluster admin to run it");
}

const permissionName = ({ verb, resource, subresource }: Permission) =>
  `${verb} ${resource}${subresource ? `/${subresource}` : ""}`;

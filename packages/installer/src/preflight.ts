import type { KubernetesCredentials } from "@faas/platforms/kubernetes-client";
import { ClusterError, type KubernetesApi } from "@faas/platforms/kubernetes-client";
import type { V1DaemonSet, V1StorageClass } from "@kubernetes/client-node";
import { SERVER_RULES } from "./manifests.ts";

/** What `faas doctor` asks a cluster. Nothing here changes anything. */

export interface ClusterCheck {
  readonly name: string;
  /** Nobody needs a cluster for the embedded platform: what is not well is a warning. */
  readonly status: "ok" | "warning";
  /** What was found. */
  readonly found: string;
  /** What to do, when not ok. */
  readonly advice?: string;
}

export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
}

const ok = (name: string, found: string): ClusterCheck => ({ name, status: "ok", found });
const warning = (name: string, found: string, advice: string): ClusterCheck => ({
  ...{ name, status: "warning", found, advice },
});

/** All of them; the first alone when the cluster does not answer. */
export async function checkCluster(
  api: KubernetesApi,
  { context }: Pick<KubernetesCredentials, "context">,
  namespace: string,
  signal: AbortSignal,
): Promise<ClusterCheck[]> {
  const cluster = await checkApiServer(api, context, signal);
  if (cluster.status !== "ok") return [cluster];
  const checks = [checkResize, checkStorage, checkMetrics, checkPolicies].map((check) => guarded(check, api, signal));
  return [cluster, ...(await Promise.all([checkRights(api, namespace, signal), ...checks]))];
}

/** A check that may not look says so, and is not the end of the others. */
async function guarded(
  check: (api: KubernetesApi, signal: AbortSignal) => Promise<ClusterCheck>,
  api: KubernetesApi,
  signal: AbortSignal,
): Promise<ClusterCheck> {
  return check(api, signal).catch((error: Error) => {
    const [, name = "cluster"] = /^check(\w+)$/.exec(check.name) ?? [];
    return warning(NAMES[name] ?? name, error.message.split("\n", 1)[0] as string, "Ask somebody who may look");
  });
}

const NAMES: Readonly<Record<string, string>> = {
  Resize: "startup boost",
  Storage: "storage",
  Metrics: "metrics",
  Policies: "policies",
};

async function checkApiServer(api: KubernetesApi, context: string, signal: AbortSignal): Promise<ClusterCheck> {
  try {
    const { gitVersion } = await api.call<{ gitVersion: string }>("GET", "/version", { signal });
    return ok("cluster", `Kubernetes ${gitVersion} at ${api.url}, context ${context}`);
  } catch (error) {
    const found = `context ${context}: ${(error as Error).message}`;
    return warning(
      "cluster",
      found,
      "Only for servers on Kubernetes: choose another context, or see kubectl cluster-info",
    );
  }
}

/** Kubernetes 1.33 and later: a pod's resources change in place. */
async function checkResize(api: KubernetesApi, signal: AbortSignal): Promise<ClusterCheck> {
  const { resources } = await api.call<{ resources: readonly { name: string }[] }>("GET", "/api/v1", { signal });
  if (resources.some(({ name }) => name === "pods/resize")) return ok("startup boost", "pods can be resized in place");
  return warning(
    "startup boost",
    "pods cannot be resized in place",
    "Kubernetes 1.33 has it; without it a cold start under a CPU limit of 100m takes about a second more: deploy with a larger --cpu",
  );
}

async function checkStorage(api: KubernetesApi, signal: AbortSignal): Promise<ClusterCheck> {
  const { items } = await api.call<{ items: V1StorageClass[] }>("GET", "/apis/storage.k8s.io/v1/storageclasses", {
    signal,
  });
  const names = items.map(({ metadata }) => metadata?.name ?? "");
  const usual = items.find(
    ({ metadata }) => metadata?.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true",
  );
  if (usual) return ok("storage", `storage class ${usual.metadata?.name} is the default`);
  const found = names.length === 0 ? "no storage class" : `no default storage class (${names.join(", ")})`;
  return warning("storage", found, "faas install --storage-class CLASS, or make one the default");
}

async function checkMetrics(api: KubernetesApi, signal: AbortSignal): Promise<ClusterCheck> {
  try {
    await api.call("GET", "/apis/metrics.k8s.io/v1beta1", { signal });
    return ok("metrics", "the metrics server answers");
  } catch (error) {
    if (!(error instanceof ClusterError) || (error.httpStatus !== 404 && error.httpStatus !== 503)) throw error;
    return warning("metrics", "no metrics server answers", "Only --scaler cpu needs it: install metrics-server");
  }
}

/** DaemonSets of network plugins, and whether they enforce network policies. */
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

/** What a cluster's DaemonSets tell of its network plugin; pure. */
export function policyCheck(daemonSets: readonly string[]): ClusterCheck {
  const found = PLUGINS.filter(([pattern]) => daemonSets.some((name) => pattern.test(name)));
  const enforcing = found.find(([, , enforces]) => enforces);
  if (enforcing) return ok("policies", `${enforcing[1]} enforces network policies`);
  const [other] = found;
  if (other)
    return warning(
      "policies",
      `${other[1]} enforces no network policies`,
      "Pods of one organization can call those of another: add a network plugin that enforces them",
    );
  return warning(
    "policies",
    "whether network policies are enforced is unknown",
    "faas doctor --deep tries it with two pods",
  );
}

async function checkPolicies(api: KubernetesApi, signal: AbortSignal): Promise<ClusterCheck> {
  const { items } = await api.call<{ items: V1DaemonSet[] }>("GET", "/apis/apps/v1/daemonsets", { signal });
  return policyCheck(items.map(({ metadata }) => metadata?.name ?? ""));
}

/** What `faas install` does; what it gives to the server it has to have itself (Kubernetes RBAC, "Privilege escalation prevention"). */
export function rightsOfInstall(): Right[] {
  const own = (group: string, resource: string, verbs: readonly string[]) =>
    verbs.map((verb) => ({ verb, group, resource }));
  const made = ["get", "create", "patch", "delete"];
  const given = SERVER_RULES.flatMap(({ apiGroups = [], resources = [], verbs, resourceNames = [undefined] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((text) =>
        verbs.flatMap((verb) =>
          resourceNames.map((name) => {
            const [resource = "", subresource] = text.split("/");
            return { verb, group, resource, ...(subresource ? { subresource } : {}), ...(name ? { name } : {}) };
          }),
        ),
      ),
    ),
  );
  return [
    ...own("", "namespaces", made),
    ...own("", "serviceaccounts", made),
    ...own("", "persistentvolumeclaims", made),
    ...own("", "services", made),
    ...own("", "secrets", made),
    ...own("", "events", ["list"]),
    ...own("apps", "deployments", made),
    ...own("rbac.authorization.k8s.io", "clusterroles", made),
    ...own("rbac.authorization.k8s.io", "clusterrolebindings", made),
    ...given,
  ];
}

const CLUSTER_WIDE = /^(namespaces|clusterroles|clusterrolebindings|apiservices)$/;

/** Asked of the cluster itself (`SelfSubjectAccessReview`). */
async function checkRights(api: KubernetesApi, namespace: string, signal: AbortSignal): Promise<ClusterCheck> {
  const rights = rightsOfInstall();
  const allowed = await Promise.all(
    rights.map(async (right) => {
      const spec = {
        resourceAttributes: { ...right, ...(CLUSTER_WIDE.test(right.resource) ? {} : { namespace }) },
      };
      const body = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec };
      const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
      const { status } = await api.call<{ status: { allowed: boolean } }>("POST", path, { body, signal });
      return status.allowed;
    }),
  );
  const missing = new Set(rights.filter((_, index) => !allowed[index]).map(wordsOf));
  if (missing.size === 0) return ok("rights", `all that faas install needs (${rights.length} asked)`);
  const shown = [...missing].slice(0, 4).join(", ");
  const found = `may not ${shown}${missing.size > 4 ? `, and ${missing.size - 4} more` : ""}`;
  return warning("rights", found, "Only faas install needs them: ask somebody with cluster-admin to run it");
}

const wordsOf = ({ verb, resource, subresource }: Right) =>
  `${verb} ${resource}${subresource ? `/${subresource}` : ""}`;

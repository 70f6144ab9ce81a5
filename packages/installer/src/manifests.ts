import { verifierOf } from "@faas/core";
import { GATEWAY_NAME, handOverPolicy, PULL_SECRET } from "@faas/platforms/kubernetes-manifests";
import type {
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1Namespace,
  V1PersistentVolumeClaim,
  V1Secret,
  V1Service,
  V1ServiceAccount,
} from "@kubernetes/client-node";
import { serverDeployment } from "./deployment-manifest.ts";
import { gatewayDeployment } from "./gateway-deployment.ts";
import { gatewayManifests } from "./gateway-manifests.ts";
import { metadataOf, partLabels, podLabels, roleName, SERVER } from "./labels.ts";
import { SERVER_RULES } from "./permissions.ts";
import { routeManifests } from "./route/route-manifests.ts";
import { serverSecretsManifest } from "./secrets/server-secrets.ts";
import { hasGateways, type ServerManifestOptions } from "./settings.ts";

/** Pure functions from an installation's settings to its Kubernetes objects. */

/**
 * Builds all objects in the order in which to apply them, the namespace first. The Service for clients comes last, and what leads to it: it then selects pods that are ready.
 */
export function serverManifests(options: ServerManifestOptions) {
  const { namespace, dockerConfigJson, adminToken, serverSecrets } = options;
  return [
    serverNamespace(options),
    serviceAccount(namespace),
    clusterRole(namespace),
    clusterRoleBinding(namespace),
    ...handOverPolicies(namespace),
    volumeClaim(options),
    ...(dockerConfigJson === undefined ? [] : [pullSecret(namespace, dockerConfigJson)]),
    ...(adminToken === undefined ? [] : [adminKeySecret(namespace, adminToken)]),
    ...(serverSecrets === undefined ? [] : [serverSecretsManifest(namespace, serverSecrets)]),
    ...(hasGateways(options) ? gatewayManifests(options) : []),
    serverDeployment(options),
    ...(hasGateways(options) ? [gatewayDeployment(options)] : []),
    service(options),
    ...routeManifests(options),
  ] as const;
}

/** Builds the namespace. Pod security allows host ports only as "privileged"; the pod meets all other rules of "restricted". */
function serverNamespace({ namespace, expose }: ServerManifestOptions): V1Namespace {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: namespace,
      labels: {
        ...partLabels(namespace),
        "pod-security.kubernetes.io/enforce": expose === "hostport" ? "privileged" : "restricted",
      },
    },
  };
}

function serviceAccount(namespace: string): V1ServiceAccount {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: metadataOf(SERVER.account, namespace),
    automountServiceAccountToken: false,
  };
}

function clusterRole(namespace: string): V1ClusterRole {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: roleName(namespace), labels: partLabels(namespace) },
    rules: [...SERVER_RULES],
  };
}

function clusterRoleBinding(namespace: string): V1ClusterRoleBinding {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: roleName(namespace), labels: partLabels(namespace) },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: roleName(namespace) },
    subjects: [{ kind: "ServiceAccount", name: SERVER.account, namespace }],
  };
}

/** Builds the policy that lets the control server hand warm pods over, and its binding. */
function handOverPolicies(namespace: string) {
  const [policy, binding] = handOverPolicy(namespace);
  const withLabels = <T extends typeof policy | typeof binding>(object: T): T => ({
    ...object,
    metadata: { ...object.metadata, labels: partLabels(namespace) },
  });
  return [withLabels(policy), withLabels(binding)] as const;
}

function volumeClaim({ namespace, storage, storageClass }: ServerManifestOptions): V1PersistentVolumeClaim {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: metadataOf(SERVER.claim, namespace),
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage } },
      ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
    },
  };
}

function pullSecret(namespace: string, dockerConfigJson: string): V1Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/dockerconfigjson",
    metadata: metadataOf(PULL_SECRET, namespace),
    data: { ".dockerconfigjson": base64(dockerConfigJson) },
  };
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

function adminKeySecret(namespace: string, token: string): V1Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: metadataOf(SERVER.adminKey, namespace),
    data: { token: base64(token), verifier: base64(verifierOf(token) ?? "") },
  };
}

const SERVICE_TYPES = {
  ...{ none: "ClusterIP", hostport: "ClusterIP", ingress: "ClusterIP", gateway: "ClusterIP" },
  ...{ nodeport: "NodePort", loadbalancer: "LoadBalancer" },
};

function service(options: ServerManifestOptions): V1Service {
  const { namespace, expose } = options;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(SERVER.service, namespace),
    spec: {
      type: SERVICE_TYPES[expose],
      selector: podLabels(namespace, hasGateways(options) ? GATEWAY_NAME : undefined),
      ports: [{ name: "http", port: SERVER.port, targetPort: "http", protocol: "TCP" }],
    },
  };
}

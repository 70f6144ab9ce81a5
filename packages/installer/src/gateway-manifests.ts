import { GATEWAY_NAME, LABELS } from "@faas/platforms/kubernetes-manifests";
import type {
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1PodDisruptionBudget,
  V1Service,
  V1ServiceAccount,
  V1ValidatingAdmissionPolicy,
  V1ValidatingAdmissionPolicyBinding,
  V2HorizontalPodAutoscaler,
} from "@kubernetes/client-node";
import { GATEWAY, metadataOf, partLabels, podLabels, roleName } from "./labels.ts";
import { GATEWAY_RULES } from "./permissions.ts";
import { gatewayTokenSecret } from "./secrets/gateway-token.ts";
import { gatewayRange, type ServerManifestOptions } from "./settings.ts";

/** CPU use, in thousandths of a core, above which there is another gateway: a gateway cannot use more than one core. */
const CPU_TARGET = "600m";

/** Builds the objects of gateways that their Deployment and the control server need, in the order in which to apply them. */
export function gatewayManifests(options: ServerManifestOptions) {
  const { namespace, gatewayToken } = options;
  const { min, max } = gatewayRange(options);
  return [
    serviceAccount(namespace),
    clusterRole(namespace),
    clusterRoleBinding(namespace),
    admissionPolicy(namespace),
    admissionPolicyBinding(namespace),
    ...(gatewayToken === undefined ? [] : [gatewayTokenSecret(namespace, gatewayToken)]),
    controlService(namespace),
    disruptionBudget(namespace),
    ...(min === max ? [] : [autoscaler(namespace, min, max)]),
  ];
}

function serviceAccount(namespace: string): V1ServiceAccount {
  return {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: metadataOf(GATEWAY.account, namespace, GATEWAY_NAME),
    automountServiceAccountToken: false,
  };
}

/** Returns the metadata of an object that is not in a namespace. */
const clusterMetadata = (namespace: string) => ({
  name: roleName(namespace, GATEWAY_NAME),
  labels: partLabels(namespace, GATEWAY_NAME),
});

function clusterRole(namespace: string): V1ClusterRole {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: clusterMetadata(namespace),
    rules: [...GATEWAY_RULES],
  };
}

function clusterRoleBinding(namespace: string): V1ClusterRoleBinding {
  const name = roleName(namespace, GATEWAY_NAME);
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: clusterMetadata(namespace),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
    subjects: [{ kind: "ServiceAccount", name: GATEWAY.account, namespace }],
  };
}

/**
 * Builds the policy that narrows what RBAC cannot: a gateway may only start replicas of endpoints of its own control server, and only where there are
 * none.
 */
function admissionPolicy(namespace: string): V1ValidatingAdmissionPolicy {
  const instance = `"${LABELS.instance}"`;
  const isOwn = `${instance} in namespaceObject.metadata.labels && namespaceObject.metadata.labels[${instance}] == "${namespace}"`;
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicy",
    metadata: clusterMetadata(namespace),
    spec: {
      failurePolicy: "Fail",
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ["apps"],
            apiVersions: ["v1"],
            operations: ["UPDATE"],
            resources: ["deployments/scale"],
          },
        ],
      },
      matchConditions: [
        {
          name: "is-gateway",
          expression: `request.userInfo.username == "system:serviceaccount:${namespace}:${GATEWAY.account}"`,
        },
      ],
      validations: [
        {
          expression: `has(namespaceObject.metadata.labels) && ${isOwn}`,
          message: "a gateway may only scale the endpoints of its own control server",
        },
        {
          expression:
            "(!has(oldObject.spec.replicas) || oldObject.spec.replicas == 0) && has(object.spec.replicas) && object.spec.replicas > 0",
          message: "a gateway may only start replicas of an endpoint that has none",
        },
      ],
    },
  };
}

function admissionPolicyBinding(namespace: string): V1ValidatingAdmissionPolicyBinding {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: clusterMetadata(namespace),
    spec: { policyName: roleName(namespace, GATEWAY_NAME), validationActions: ["Deny"] },
  };
}

/** Builds the Service of the control server for gateways, which reach it also while it cannot reach the API server and is not ready. */
function controlService(namespace: string): V1Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(GATEWAY.controlService, namespace, GATEWAY_NAME),
    spec: {
      type: "ClusterIP",
      publishNotReadyAddresses: true,
      selector: podLabels(namespace),
      ports: [{ name: "control", port: GATEWAY.controlPort, targetPort: "control", protocol: "TCP" }],
    },
  };
}

function disruptionBudget(namespace: string): V1PodDisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadataOf(GATEWAY.budget, namespace, GATEWAY_NAME),
    spec: {
      maxUnavailable: 1,
      selector: { matchLabels: podLabels(namespace, GATEWAY_NAME) },
      // A gateway that is not ready serves nobody: it must not keep a node from being drained.
      unhealthyPodEvictionPolicy: "AlwaysAllow",
    },
  };
}

function autoscaler(namespace: string, minReplicas: number, maxReplicas: number): V2HorizontalPodAutoscaler {
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: metadataOf(GATEWAY.autoscaler, namespace, GATEWAY_NAME),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: GATEWAY.deployment },
      minReplicas,
      maxReplicas,
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "AverageValue", averageValue: CPU_TARGET } },
        },
      ],
    },
  };
}

import type { V1ValidatingAdmissionPolicy, V1ValidatingAdmissionPolicyBinding } from "@kubernetes/client-node";
import { LABELS, MANAGER } from "./labels.ts";

/** Name of the ReplicaSet controller in the API, where each controller has a name of its own: on every ordinary cluster. */
const CONTROLLER = "system:serviceaccount:kube-system:replicaset-controller";

/** Returns the name of a control server's policy, and of its binding. */
export const handOverPolicyName = (instance: string): string => `faas-hand-over-${instance}`;

/**
 * Builds the policy that keeps a ReplicaSet from deleting a pod that it does not want yet, while the control server hands it over. It applies to no other
 * pods, and to no other deletions: users, drained nodes, removed owners and namespaces delete such a pod as any other.
 */
export function handOverPolicy(
  instance: string,
): [V1ValidatingAdmissionPolicy & { kind: string }, V1ValidatingAdmissionPolicyBinding & { kind: string }] {
  const name = handOverPolicyName(instance);
  const apiVersion = "admissionregistration.k8s.io/v1";
  const metadata = { name, labels: { [LABELS.managedBy]: MANAGER, [LABELS.instance]: instance } };
  return [
    {
      apiVersion,
      kind: "ValidatingAdmissionPolicy",
      metadata,
      spec: {
        // A policy that cannot be evaluated must not keep pods.
        failurePolicy: "Ignore",
        matchConstraints: {
          namespaceSelector: { matchLabels: { [LABELS.instance]: instance } },
          objectSelector: { matchExpressions: [{ key: LABELS.handOver, operator: "Exists" }] },
          resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["DELETE"], resources: ["pods"] }],
        },
        matchConditions: [{ name: "is-replicaset", expression: `request.userInfo.username == "${CONTROLLER}"` }],
        validations: [{ expression: "false", message: "faas is handing the pod over to this ReplicaSet" }],
      },
    },
    {
      apiVersion,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata,
      spec: { policyName: name, validationActions: ["Deny"] },
    },
  ];
}

import type { EndpointSpec, ExportedObject } from "@faas/core";
import type { V1Deployment, V1EnvVar, V1NetworkPolicy, V1Service } from "@kubernetes/client-node";
import { autoscalerManifest, deploymentManifest, serviceManifest, serviceName } from "./endpoint.ts";
import type { ManifestOptions } from "./labels.ts";
import { egressRules } from "./organization.ts";

/** Objects that run an endpoint without faas, derived from those that the platform applies (docs/decisions/0060-exported-manifests.md). */

/** Returns the name of the Secret that the objects of an endpoint refer to. */
const secretName = (endpoint: string) => `${serviceName(endpoint)}-secrets`;

/**
 * Builds the objects that run an endpoint by `kubectl apply`, in any namespace and without faas: a Deployment, a Service, and as its settings require an
 * autoscaler and a network policy. The values of secrets come from a Secret that the user creates, with a key for each secret.
 */
export function standaloneManifests(spec: EndpointSpec, { startSeconds }: ManifestOptions): readonly ExportedObject[] {
  // Nothing lowers the CPU limit of a started replica, and nothing reads the ids of calls in its output.
  const options = { instance: "", startSeconds, gatewayCidrs: [] };
  const objects = [
    standaloneDeployment(spec, options),
    standaloneService(spec, options),
    ...(spec.scaler === "cpu" ? [{ ...autoscalerManifest(spec, options), metadata: metadataOf(spec) }] : []),
    ...(spec.egress === "none" ? [egressPolicy(spec)] : []),
  ];
  return JSON.parse(JSON.stringify(objects));
}

const selectorOf = ({ endpoint }: EndpointSpec) => ({ "app.kubernetes.io/name": endpoint });

const labelsOf = (spec: EndpointSpec) => ({
  ...selectorOf(spec),
  "app.kubernetes.io/part-of": spec.org,
  "app.kubernetes.io/version": spec.revision,
});

/** Returns metadata without a namespace, so that the user chooses one. Without the labels of faas, which would take the objects for its own. */
const metadataOf = (spec: EndpointSpec, name = spec.endpoint) => ({ name, labels: labelsOf(spec) });

function standaloneDeployment(spec: EndpointSpec, options: ManifestOptions): V1Deployment {
  const { apiVersion, kind, spec: deployment } = deploymentManifest(spec, options);
  if (deployment?.template.spec === undefined) throw new Error("a Deployment has a pod");
  const { template, ...others } = deployment;
  const pod = deployment.template.spec;
  return {
    ...{ apiVersion, kind, metadata: metadataOf(spec) },
    spec: {
      // The autoscaler sets the number of replicas.
      ...(spec.scaler === "cpu" ? {} : { replicas: Math.max(1, spec.replicas) }),
      ...others,
      selector: { matchLabels: selectorOf(spec) },
      template: {
        metadata: { labels: labelsOf(spec) },
        spec: {
          ...pod,
          topologySpreadConstraints: pod.topologySpreadConstraints?.map(({ matchLabelKeys: _, ...constraint }) => ({
            ...constraint,
            labelSelector: { matchLabels: selectorOf(spec) },
          })),
          containers: pod.containers.map((container) => ({
            ...container,
            env: container.env?.map((variable) => ownSecret(variable, spec)),
          })),
        },
      },
    },
  };
}

/** Makes a variable with the value of a secret read it by the secret's name, without the version. */
function ownSecret(variable: V1EnvVar, { endpoint, secrets = {} }: EndpointSpec): V1EnvVar {
  const secret = secrets[variable.name];
  if (secret === undefined || variable.valueFrom === undefined) return variable;
  return { name: variable.name, valueFrom: { secretKeyRef: { name: secretName(endpoint), key: secret.name } } };
}

function standaloneService(spec: EndpointSpec, options: ManifestOptions): V1Service {
  const { spec: service, ...manifest } = serviceManifest(spec, options);
  return {
    ...manifest,
    metadata: metadataOf(spec, serviceName(spec.endpoint)),
    spec: { ...service, selector: selectorOf(spec) },
  };
}

function egressPolicy(spec: EndpointSpec): V1NetworkPolicy {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadataOf(spec, `${spec.endpoint}-egress-none`),
    spec: { podSelector: { matchLabels: selectorOf(spec) }, policyTypes: ["Egress"], egress: egressRules() },
  };
}

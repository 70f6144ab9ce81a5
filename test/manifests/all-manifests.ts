import { endpointSpec, limitNumbers, withDefaults } from "@faas/core";
import { serverManifests } from "@faas/installer";
import { budgetManifest } from "../../packages/platforms/src/kubernetes/reconcile/manifests/disruption-budget.ts";
import {
  autoscalerManifest,
  deploymentManifest,
  serviceManifest,
} from "../../packages/platforms/src/kubernetes/reconcile/manifests/endpoint.ts";
import {
  DEFAULT_LIMITS,
  namespaceManifest,
  organizationManifests,
} from "../../packages/platforms/src/kubernetes/reconcile/manifests/organization.ts";
import { type WarmSpec, warmReplicaSet } from "../../packages/platforms/src/kubernetes/reconcile/manifests/warm-pod.ts";

const options = { instance: "faas-system", startSeconds: 60, serverNamespace: "faas-system", gatewayCidrs: [] };
const DIGEST = `sha256:${"0".repeat(64)}`;

/** Returns the objects of an installation, and those of an organization with an endpoint that has all kinds of objects, as YAML documents of JSON. */
export function allManifests(): string {
  const warm = { image: `registry:5000/acme/warm_node@${DIGEST}`, code: DIGEST };
  const artifact = { kind: "image", reference: `registry:5000/acme/hello@${DIGEST}`, warm } as const;
  const settings = withDefaults({ replicas: 2, scaler: "cpu" });
  const spec = endpointSpec(
    { org: "acme", endpoint: "hello" },
    { id: "0123456789ab", createdAt: "", artifact, settings },
  );
  const objects = [
    ...serverManifests({
      ...{ namespace: "faas-system", image: `registry:5000/faas/server@${DIGEST}`, gatewayToken: "token" },
      ...{ registryPush: "registry:5000", registryPull: "registry:5000", storage: "1Gi", expose: "clusterip" },
      ...{ gateways: "2", auth: true },
    } as unknown as Parameters<typeof serverManifests>[0]),
    namespaceManifest("acme", options),
    ...organizationManifests("acme", limitNumbers({}, DEFAULT_LIMITS), options),
    deploymentManifest(spec, options),
    serviceManifest(spec, options),
    autoscalerManifest(spec, options),
    budgetManifest(spec, options),
    warmReplicaSet(spec as WarmSpec, "token", options).object,
  ];
  return objects.map((object) => `${JSON.stringify(object)}\n`).join("---\n");
}

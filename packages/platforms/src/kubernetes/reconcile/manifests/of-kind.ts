import type { EndpointSpec } from "@faas/core";
import type { KubernetesObject } from "../../client/objects.ts";
import type { EndpointKind } from "../object-cache.ts";
import { budgetManifest } from "./disruption-budget.ts";
import { autoscalerManifest, deploymentManifest, serviceManifest } from "./endpoint.ts";
import type { ManifestOptions } from "./labels.ts";

const MANIFESTS: Readonly<Record<EndpointKind, (spec: EndpointSpec, options: ManifestOptions) => object>> = {
  Deployment: deploymentManifest,
  Service: serviceManifest,
  HorizontalPodAutoscaler: autoscalerManifest,
  PodDisruptionBudget: budgetManifest,
};

/** Builds the object of a kind for an endpoint. */
export const manifestOf = (kind: EndpointKind, spec: EndpointSpec, options: ManifestOptions): KubernetesObject =>
  MANIFESTS[kind](spec, options) as KubernetesObject;

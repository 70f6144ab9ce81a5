import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import { INSTALL_SETTINGS } from "../labels.ts";
import { serverManifests } from "../manifests.ts";
import { EXPOSURES, gatewayRange, hasGateways, type ServerManifestOptions, settingsFor } from "../settings.ts";
import { Conditions } from "./conditions.ts";
import { type Assignment, listSamples } from "./samples.ts";
import { type Json, TemplateWriter } from "./template.ts";
import { valuesFile } from "./values-file.ts";
import { chartVariables, type Variable } from "./variables.ts";

/** Helm chart of an installation, derived from the manifests of `faas install` (docs/decisions/0062-generated-helm-chart.md). */

/** A file of the chart. */
export interface ChartFile {
  readonly path: string;
  readonly text: string;
}

/** Annotation by which Helm keeps an object when the release is removed. */
const KEEP = { "helm.sh/resource-policy": "keep" };

/**
 * Returns the objects as the chart has them: without the namespace, which Helm creates, and the settings that `faas upgrade` reads, and with a volume that
 * outlives the release.
 */
export function chartObjects(objects: readonly KubernetesObject[]): readonly KubernetesObject[] {
  return objects
    .filter(({ kind }) => kind !== "Namespace")
    .map((object) => {
      const { [INSTALL_SETTINGS]: _, ...others } = object.metadata?.annotations ?? {};
      const annotations = { ...others, ...(object.kind === "PersistentVolumeClaim" ? KEEP : {}) };
      const { annotations: __, ...metadata } = object.metadata ?? {};
      return {
        ...object,
        metadata: { ...metadata, ...(Object.keys(annotations).length === 0 ? {} : { annotations }) },
      };
    });
}

/**
 * Builds the files of the chart.
 *
 * @param version version of faas
 */
export function chartFiles(version: string): readonly ChartFile[] {
  const { base, structural, others, placeholders } = chartVariables();
  const variables = [...structural, ...others];
  const samples = listSamples(structural, others);
  const built = samples.assignments.map((assignment) => build(variables, assignment, base));
  const writer = new TemplateWriter(new Conditions(variables, samples), placeholders);
  const keys = new Set(built.flatMap((objects) => [...objects.keys()]));
  const templates = Array.from(keys, (key) => ({
    path: `templates/${key}.yaml`,
    text: writer.object(built.map((objects) => objects.get(key))),
  }));
  return [
    { path: "Chart.yaml", text: chartYaml(version) },
    { path: "values.yaml", text: valuesFile() },
    { path: "templates/_helpers.tpl", text: helpers() },
    ...templates.sort((a, b) => (a.path < b.path ? -1 : 1)),
  ];
}

/** Builds the objects at an assignment by the names of their files. */
function build(
  variables: readonly Variable[],
  assignment: Assignment,
  base: Pick<ServerManifestOptions, "namespace" | "image" | "storage">,
): ReadonlyMap<string, Json> {
  const states = variables.flatMap(({ states: all }, index) => all[assignment[index] ?? 0] ?? []);
  const given: Partial<ServerManifestOptions> = Object.assign({}, ...states.map((state) => state.options));
  // Without gateways in pods of their own, nothing has their token.
  const { gatewayToken: _, ...others } = given;
  const options = given.gateways === "0" ? others : given;
  const manifests: readonly unknown[] = serverManifests({
    ...base,
    ...settingsFor({ ...base, ...options }),
    ...options,
  });
  const objects = states.reduce(
    (list, { transform }) => transform?.(list) ?? list,
    chartObjects(JSON.parse(JSON.stringify(manifests))),
  );
  return new Map(objects.map((object) => [fileName(object, base.namespace), object as unknown as Json]));
}

function fileName({ kind = "", metadata }: KubernetesObject, namespace: string): string {
  const name = metadata?.name?.replace(`-${namespace}`, "") ?? "";
  return `${kind.toLowerCase()}-${name}`;
}

const chartYaml = (version: string) => `apiVersion: v2
name: faas
description: Functions as a service that a small team hosts itself
type: application
version: ${version}
appVersion: ${version}
kubeVersion: ">=1.33.0-0"
`;

/** Helpers of the templates. The number of gateways that an autoscaler has set stays. */
const helpers = () => `{{- define "faas.gateways" -}}
{{- if ne (toString .Values.gateways) "" }}{{ int .Values.gateways }}
{{- else if and (eq (toString .Values.gatewaysMax) "") (has .Values.expose (list ${EXPOSURES_WITHOUT_GATEWAYS.map((expose) => JSON.stringify(expose)).join(" ")})) }}0
{{- else }}${gatewayRange({ expose: "none" }).min}{{ end }}
{{- end }}

{{- define "faas.gatewayMode" -}}
{{- if ne (toString .Values.gatewaysMax) "" }}range
{{- else if eq (include "faas.gateways" .) "0" }}none
{{- else }}fixed{{ end }}
{{- end }}

{{- define "faas.gatewayReplicas" -}}
{{- $found := lookup "apps/v1" "Deployment" .Release.Namespace "faas-gateway" -}}
{{- $min := int (include "faas.gateways" .) -}}
{{- $current := $min -}}
{{- if $found }}{{ $current = int $found.spec.replicas }}{{ end -}}
{{- min (int .Values.gatewaysMax) (max $min $current) -}}
{{- end }}
`;

const EXPOSURES_WITHOUT_GATEWAYS = EXPOSURES.filter((expose) => !hasGateways({ expose }));

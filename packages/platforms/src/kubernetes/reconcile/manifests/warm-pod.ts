import { createHash } from "node:crypto";
import type { EndpointSpec, WarmImage } from "@faas/core";
import type { V1Container, V1PodSpec, V1PodTemplateSpec, V1ReplicaSet } from "@kubernetes/client-node";
import { commonEnvironment, functionEnvironment } from "../../../common/wrapper-environment.ts";
import { deploymentManifest, digestOf, podVariables } from "./endpoint.ts";
import { CONTAINER, LABELS, type ManifestOptions, namespaceOf, organizationLabels, PORT } from "./labels.ts";

/** Folder of the function's code and dependencies in every image. */
const CODE_FOLDER = "/app";
/** Path of the code folder's volume in the init container. */
const COPY_FOLDER = "/code";
/** Variables that a runtime reads at its start and that depend on an endpoint's limits. */
const VARIABLES_AT_START = ["NODE_OPTIONS", "UV_THREADPOOL_SIZE", "PYTHON_CPU_COUNT"];
/** Programs that the warm images have, by language. */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  node: ["node", "/warm/.interface.mjs"],
  typescript: ["node", "/warm/.interface.mjs"],
  python: ["python3", "/warm/.interface.py"],
};
/** Memory of a waiting wrapper, by language, measured by `npm run performance:cluster -- pool`. */
const IDLE_MEMORY_MIB: Readonly<Record<string, number>> = { node: 32, typescript: 32, python: 24 };
/** Memory limit from which a Python pod imports well-known packages of its environment before it has a function; all of them together take 107 MiB. */
const IMPORTING_BYTES = 256 * 2 ** 20;
/** Memory of a waiting Python wrapper with such a package, as a rule. */
const IMPORTED_MIB = 64;

/** A ReplicaSet of warm pods, and its id. */
export interface WarmReplicaSet {
  readonly id: string;
  readonly object: V1ReplicaSet;
}

/** Returns the name of a variant's ReplicaSet. */
export const warmName = (id: string): string => `faas-warm-${id}`;

/**
 * Builds the ReplicaSet of the warm pods that can become replicas of an endpoint. Everything that cannot be changed in a running pod is the endpoint's own:
 * memory, grace period, network policy, security, probes. It uses almost no CPU until it is claimed, so it requests the least.
 */
export function warmReplicaSet(
  spec: EndpointSpec,
  { image, hasDependencies = false }: WarmImage,
  token: string,
  options: ManifestOptions,
): WarmReplicaSet {
  const own = deploymentManifest(spec, options).spec?.template as V1PodTemplateSpec;
  const podSpec = own.spec as V1PodSpec;
  const importsAhead = hasDependencies && spec.runtime === "python" && spec.memoryBytes >= IMPORTING_BYTES;
  const container = warmContainer(podSpec.containers[0] as V1Container, spec, { image, token, importsAhead });
  const warm = {
    ...podSpec,
    ...(hasDependencies ? { initContainers: [copyDependencies(container)] } : {}),
    containers: [container],
    volumes: [...(podSpec.volumes ?? []), { name: "code", emptyDir: {} }],
  };
  const shared = { ...organizationLabels(spec.org, options), [LABELS.egress]: spec.egress };
  const id = digestOf([warm, shared]);
  const labels = { ...shared, [LABELS.warm]: id };
  return {
    id,
    object: {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: warmName(id), namespace: namespaceOf(spec.org), labels },
      spec: {
        selector: { matchLabels: { [LABELS.warm]: id } },
        template: { metadata: { labels }, spec: warm },
      },
    },
  };
}

/** Returns the variables that a claimed pod sets before it loads the function. */
export function claimedVariables(spec: EndpointSpec, options: ManifestOptions): Record<string, string> {
  return Object.fromEntries(podVariables(spec, options));
}

interface WarmContainerOptions {
  readonly image: string;
  readonly token: string;
  /** Import well-known packages before there is a function. */
  readonly importsAhead: boolean;
}

function warmContainer(
  own: V1Container,
  spec: EndpointSpec,
  { image, token, importsAhead }: WarmContainerOptions,
): V1Container {
  const variables = { ...commonEnvironment("/tmp"), ...functionEnvironment({ ...spec, env: {} }, String(PORT)) };
  const options = own.env?.find(({ name }) => name === "NODE_OPTIONS")?.value;
  const atStart = VARIABLES_AT_START.flatMap((name) => {
    const value = name === "NODE_OPTIONS" ? options : variables[name as keyof typeof variables];
    return value === undefined ? [] : [{ name, value }];
  });
  const memory = importsAhead ? IMPORTED_MIB : (IDLE_MEMORY_MIB[spec.runtime] ?? 0);
  const watch = own.env?.filter(({ name }) => name === "FAAS_LOADING_WATCH") ?? [];
  return {
    ...own,
    name: CONTAINER,
    image,
    command: [...(COMMANDS[spec.runtime] as readonly string[])],
    env: [
      ...Object.entries(commonEnvironment("/tmp")).map(([name, value]) => ({ name, value })),
      ...atStart,
      ...watch,
      ...(importsAhead ? [{ name: "FAAS_WARM_FOLDER", value: CODE_FOLDER }] : []),
      { name: "PORT", value: String(PORT) },
      { name: "FAAS_WARM", value: "1" },
      { name: "FAAS_CLAIM_SHA256", value: createHash("sha256").update(token).digest("hex") },
    ],
    resources: { ...own.resources, requests: { cpu: "1m", memory: `${memory}Mi` } },
    volumeMounts: [...(own.volumeMounts ?? []), { name: "code", mountPath: CODE_FOLDER }],
  };
}

/** Copies the dependencies from the image to the volume in which a claim puts the code: the rest of the file system is read-only. */
function copyDependencies({ image, resources, securityContext }: V1Container): V1Container {
  return {
    name: "dependencies",
    ...(image === undefined ? {} : { image }),
    command: ["cp", "-R", `${CODE_FOLDER}/.`, COPY_FOLDER],
    ...(resources === undefined ? {} : { resources }),
    ...(securityContext === undefined ? {} : { securityContext }),
    volumeMounts: [{ name: "code", mountPath: COPY_FOLDER }],
  };
}

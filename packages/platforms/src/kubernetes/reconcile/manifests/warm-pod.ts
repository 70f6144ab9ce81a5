import { createHash } from "node:crypto";
import type { EndpointSpec, Language, WarmImage } from "@faas/core";
import type {
  V1Container,
  V1PodSpec,
  V1PodTemplateSpec,
  V1ReplicaSet,
  V1ResourceRequirements,
} from "@kubernetes/client-node";
import { diskOf, warmDiskLimit, warmVolumes } from "./disk.ts";
import { deploymentManifest, digestOf } from "./endpoint.ts";
import { LABELS, type ManifestOptions, namespaceOf, organizationLabels, REFILL_GATE } from "./labels.ts";
import { placedPod } from "./placement.ts";

/** Folder of the function's code and dependencies in every image. */
export const CODE_FOLDER = "/app";
/** Path of the code folder's volume in the init container. */
const COPY_FOLDER = "/code";
/** Folder in which a pod keeps its claim: a container that is restarted has its function again, also while there is no control server. */
const CLAIM_FOLDER = "/var/lib/faas";
/** Variables that the wrapper or its runtime reads before it has a function. The others come with the function. */
const VARIABLES: ReadonlySet<string> = new Set([
  ...["HOME", "TMPDIR", "NODE_ENV", "PORT", "FAAS_LOADING_WATCH"],
  ...["NODE_OPTIONS", "UV_THREADPOOL_SIZE", "PYTHON_CPU_COUNT"],
]);
/** Memory of a waiting wrapper, by language, measured by `npm run performance:cluster -- pool`. */
const IDLE_MEMORY_MIB: Readonly<Record<Language, number>> = { node: 32, typescript: 32, python: 24 };
/** Memory limit from which a Python pod imports well-known packages of its environment before it has a function; all of them together take 107 MiB. */
const IMPORTING_BYTES = 256 * 2 ** 20;
/** Memory of a waiting Python wrapper with such a package, as a rule. */
const IMPORTED_MIB = 64;

/** Selects the waiting pods of an organization: their namespace is its own. */
const WAITING = { matchExpressions: [{ key: LABELS.warm, operator: "Exists" }] };

/** An endpoint whose code a warm pod can be given. */
export type WarmSpec = EndpointSpec & {
  readonly runtime: Language;
  readonly artifact: { readonly kind: "image"; readonly warm: WarmImage };
};

/** A ReplicaSet of warm pods, without a number of replicas. */
export interface WarmReplicaSet {
  /** Identifies all that its pods depend on; value of the label `faas/warm`. */
  readonly id: string;
  readonly object: V1ReplicaSet;
}

/** Returns the name of a variant's ReplicaSet. */
export const warmName = (id: string): string => `faas-warm-${id}`;

/**
 * Builds the ReplicaSet of the warm pods that can become replicas of an endpoint. Everything that cannot be changed in a running pod is the endpoint's own:
 * memory, grace period, network policy, security, probes. It uses almost no CPU until it is claimed, so it requests the least.
 */
export function warmReplicaSet(spec: WarmSpec, token: string, options: ManifestOptions): WarmReplicaSet {
  const { image, hasDependencies = false } = spec.artifact.warm;
  const template = deploymentManifest({ ...spec, env: {} }, options).spec?.template as V1PodTemplateSpec;
  const own = template.spec as V1PodSpec;
  const importsAhead = hasDependencies && spec.runtime === "python" && spec.memoryBytes >= IMPORTING_BYTES;
  const memoryMib = importsAhead ? IMPORTED_MIB : IDLE_MEMORY_MIB[spec.runtime];
  const resources = {
    limits: { ...own.containers[0]?.resources?.limits, ...warmDiskLimit(spec) },
    // The disk request cannot change in a running pod.
    requests: { cpu: "1m", memory: `${memoryMib}Mi`, ...diskOf(spec).request },
  };
  const container = warmContainer(own.containers[0] as V1Container, { image, token, importsAhead, resources });
  const pod = {
    ...own,
    ...(hasDependencies ? { initContainers: [copyDependencies(container)] } : {}),
    containers: [container],
    volumes: [...(own.volumes ?? []), ...warmVolumes],
    schedulingGates: [{ name: REFILL_GATE }],
    ...placedPod(options.placements?.of(spec.org), WAITING),
  };
  const shared = { ...organizationLabels(spec.org, options), [LABELS.egress]: spec.egress };
  const id = digestOf([pod, shared]);
  const labels = { ...shared, [LABELS.warm]: id };
  return {
    id,
    object: {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: warmName(id), namespace: namespaceOf(spec.org), labels },
      spec: {
        selector: { matchLabels: { [LABELS.warm]: id } },
        template: { metadata: { labels }, spec: pod },
      },
    },
  };
}

interface WarmContainerOptions {
  readonly image: string;
  readonly token: string;
  /** Import well-known packages before there is a function. */
  readonly importsAhead: boolean;
  readonly resources: V1ResourceRequirements;
}

/** Builds the container of a warm pod from that of the endpoint; it runs the command of its image. */
function warmContainer(own: V1Container, { image, token, importsAhead, resources }: WarmContainerOptions): V1Container {
  return {
    ...own,
    image,
    env: [
      ...(own.env ?? []).filter(({ name }) => VARIABLES.has(name)),
      ...(importsAhead ? [{ name: "FAAS_WARM_FOLDER", value: CODE_FOLDER }] : []),
      { name: "FAAS_WARM", value: "1" },
      { name: "FAAS_CLAIM_FILE", value: `${CLAIM_FOLDER}/claim.json` },
      { name: "FAAS_CLAIM_SHA256", value: createHash("sha256").update(token).digest("hex") },
    ],
    resources,
    volumeMounts: [
      ...(own.volumeMounts ?? []),
      { name: "code", mountPath: CODE_FOLDER },
      { name: "claim", mountPath: CLAIM_FOLDER },
    ],
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

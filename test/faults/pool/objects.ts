import type { EndpointView } from "@faas/core";
import type { KubernetesApi, KubernetesObject } from "@faas/platforms/kubernetes-client";
import type { V1Deployment, V1OwnerReference, V1Pod, V1ReplicaSet } from "@kubernetes/client-node";

type Pod = V1Pod & KubernetesObject;
type ReplicaSet = V1ReplicaSet & KubernetesObject;
type Deployment = V1Deployment & KubernetesObject;

const WARM = "faas/warm";
const ENDPOINT = "faas/endpoint";
/** Time for a pod to answer. */
const ANSWER_MS = 5_000;

/** A control server and its organization, whose objects are compared. */
export interface ComparedServer {
  readonly api: KubernetesApi;
  readonly org: string;
  view(endpoint: string): Promise<EndpointView>;
}

interface Objects {
  readonly pods: readonly Pod[];
  readonly sets: readonly ReplicaSet[];
  readonly deployments: readonly Deployment[];
}

/**
 * Compares the pods, ReplicaSets and Deployments of an organization with each other, with what the server says about its endpoints, and with what each pod
 * answers; describes what differs. Each pod has one owner, which wants it; a pod that waits has no function, and another one has that of its endpoint.
 */
export async function differences(server: ComparedServer, endpoints: readonly string[]): Promise<string[]> {
  const { api, org } = server;
  const namespace = `faas-${org}`;
  const [pods, sets, deployments] = await Promise.all([
    api.list<Pod>("Pod", namespace, ""),
    api.list<ReplicaSet>("ReplicaSet", namespace, ""),
    api.list<Deployment>("Deployment", namespace, ""),
  ]);
  const objects = { pods: pods.filter(({ metadata }) => !metadata?.deletionTimestamp), sets, deployments };
  const views = await Promise.all(endpoints.map((name) => server.view(name)));
  return [
    ...(await Promise.all(objects.pods.map((pod) => podDifferences(pod, objects)))).flat(),
    ...sets
      .filter((set) => set.metadata?.labels?.[WARM] !== undefined)
      .flatMap((set) => countDifferences(set, objects)),
    ...views.flatMap((view) => endpointDifferences(view, objects)),
    ...deployments.flatMap((each) =>
      endpoints.includes(nameOf(each)) ? [] : [`there is a Deployment ${nameOf(each)}`],
    ),
  ];
}

const nameOf = ({ metadata }: { readonly metadata?: { readonly name?: string } }) => metadata?.name ?? "";

const ownerOf = ({ metadata }: { readonly metadata?: { readonly ownerReferences?: V1OwnerReference[] } }) =>
  metadata?.ownerReferences?.filter(({ controller }) => controller) ?? [];

/** Compares a pod's labels, owner and function. */
async function podDifferences(pod: Pod, { sets }: Objects): Promise<string[]> {
  const name = nameOf(pod);
  const labels = pod.metadata?.labels ?? {};
  const isWarm = labels[WARM] !== undefined;
  const endpoint = labels[ENDPOINT];
  const owners = ownerOf(pod);
  const owner = sets.find(({ metadata }) => metadata?.uid === owners[0]?.uid);
  const found: string[] = [];
  if (owners.length !== 1) found.push(`${name} has ${owners.length} owners`);
  else if (owner === undefined) found.push(`the owner of ${name}, ${owners[0]?.name}, is gone`);
  else if (Object.entries(owner.spec?.selector?.matchLabels ?? {}).some(([key, value]) => labels[key] !== value))
    found.push(`${nameOf(owner)} does not select its pod ${name}`);
  if (isWarm === (endpoint !== undefined))
    found.push(`${name} belongs to ${isWarm ? "the pool and to an endpoint" : "neither the pool nor an endpoint"}`);
  const isReady = pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  if (!isReady) return [...found, `${name} is not ready`];
  const answer = await ask(pod, isWarm ? "/-/ready" : "/");
  const expected = isWarm ? '{"status":"warm"}' : `objects ${endpoint}`;
  if (answer !== expected) found.push(`${name}, a pod of ${endpoint ?? "the pool"}, answers ${answer}`);
  return found;
}

/** Sends a request to a pod itself. */
async function ask({ status }: Pod, path: string): Promise<string> {
  const headers = { connection: "close", "x-call": "objects" };
  const signal = AbortSignal.timeout(ANSWER_MS);
  return fetch(`http://${status?.podIP}:8080${path}`, { headers, signal }).then(
    (response) => response.text(),
    (error: Error) => String(error.cause ?? error),
  );
}

/** Compares the number of pods that a ReplicaSet wants with those that it has. */
function countDifferences(set: ReplicaSet, { pods }: Objects): string[] {
  const count = pods.filter((pod) => ownerOf(pod)[0]?.uid === set.metadata?.uid).length;
  const wanted = set.spec?.replicas ?? 0;
  return count === wanted ? [] : [`${nameOf(set)} has ${count} pods and wants ${wanted}`];
}

/** Compares what the server says about an endpoint with its Deployment, ReplicaSets and pods. */
function endpointDifferences({ endpoint, replicas }: EndpointView, { pods, sets, deployments }: Objects): string[] {
  const deployment = deployments.find((each) => nameOf(each) === endpoint);
  if (deployment === undefined) return [`${endpoint} has no Deployment`];
  const own = sets.filter((set) => ownerOf(set)[0]?.uid === deployment.metadata?.uid);
  const active = own.filter(({ spec }) => (spec?.replicas ?? 0) > 0);
  const present = pods.filter(({ metadata }) => metadata?.labels?.[ENDPOINT] === endpoint).map(nameOf);
  const wanted = deployment.spec?.replicas ?? 0;
  // The id of a restarted container has a number at its end.
  const known = replicas.map(({ id }) => id.replace(/\.\d+$/, ""));
  const found = own.flatMap((set) => countDifferences(set, { pods, sets, deployments }));
  if (active.length > 1) found.push(`${endpoint} has ${active.length} ReplicaSets with pods`);
  if (present.length !== wanted) found.push(`${endpoint} has ${present.length} pods and wants ${wanted}`);
  if (known.toSorted().join() !== present.toSorted().join())
    found.push(`the server knows the replicas ${known.join(", ")} of ${endpoint}, there are ${present.join(", ")}`);
  return found;
}

import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type KubernetesApi, type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import { LABELS, MANAGER, PULL_SECRET } from "@faas/platforms/kubernetes-manifests";
import type { V1Pod } from "@kubernetes/client-node";
import type { ClusterCheck } from "./preflight.ts";

/** What can only be tried: two pods in a namespace of their own, which is removed afterwards. */

const STEP_MS = 250;
const START_MS = 60_000;
const CLOSE_MS = 20_000;
const PORT = 8080;

const LISTEN = `require("node:net").createServer((socket) => socket.end()).listen(${PORT}, "::")`;
/** Tells each time that the other pod is or is no longer reached. */
const KNOCK = `const net = require("node:net");
let was;
const knock = () => {
  const socket = net.connect({ host: process.env.TARGET, port: ${PORT}, timeout: 500 });
  const tell = (now) => { if (now !== was) console.log(was = now); socket.destroy(); setTimeout(knock, 200); };
  socket.once("connect", () => tell("open")).once("error", () => tell("closed")).once("timeout", () => tell("closed"));
};
knock();`;

export interface TrialOptions {
  /** One with Node, in the registry as the nodes reach it. */
  readonly image: string;
  /** The text of a Docker `config.json` for pulling it. */
  readonly dockerConfigJson?: string;
  readonly signal: AbortSignal;
}

/** Whether nodes can pull from the registry, and whether the cluster enforces network policies. */
export async function checkFromNode(api: KubernetesApi, options: TrialOptions): Promise<ClusterCheck[]> {
  const namespace = `faas-doctor-${randomBytes(4).toString("hex")}`;
  const pull = { name: "pull", found: `a node pulled ${options.image.replace(/@.*/, "")}` };
  try {
    await makeNamespace(api, namespace, options);
    await api.create(pod(namespace, "listener", options, LISTEN), options.signal);
    const listener = await running(api, namespace, "listener", options.signal);
    if (typeof listener === "string")
      return [
        {
          name: "pull",
          status: "warning",
          found: listener,
          advice: "--registry-pull says how the nodes call the registry",
        },
      ];
    await api.create(pod(namespace, "caller", options, KNOCK, listener.ip), options.signal);
    await running(api, namespace, "caller", options.signal);
    return [{ ...pull, status: "ok" }, await policies(api, namespace, options.signal)];
  } finally {
    // Also after Ctrl-C.
    await api.delete("Namespace", undefined, namespace);
  }
}

async function policies(api: KubernetesApi, namespace: string, signal: AbortSignal): Promise<ClusterCheck> {
  const name = "policies";
  if (!(await says(api, namespace, "open", START_MS, signal)))
    return {
      name,
      status: "warning",
      found: "a pod cannot call another one",
      advice: "The cluster's network does not work: see its plugin",
    };
  await api.create(
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "nobody", namespace },
      spec: { podSelector: { matchLabels: { trial: "listener" } }, policyTypes: ["Ingress"] },
    } as KubernetesObject,
    signal,
  );
  if (await says(api, namespace, "closed", CLOSE_MS, signal))
    return { name, status: "ok", found: "network policies are enforced (tried)" };
  return {
    ...{ name, status: "warning", found: "network policies are not enforced (tried)" },
    advice: "Pods of one organization can call those of another: add a network plugin that enforces them",
  };
}

async function makeNamespace(
  api: KubernetesApi,
  namespace: string,
  { dockerConfigJson, signal }: TrialOptions,
): Promise<void> {
  const labels = { [LABELS.managedBy]: MANAGER, "pod-security.kubernetes.io/enforce": "restricted" };
  await api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } }, signal);
  if (dockerConfigJson === undefined) return;
  const data = { ".dockerconfigjson": Buffer.from(dockerConfigJson).toString("base64") };
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: PULL_SECRET, namespace } };
  await api.create({ ...secret, type: "kubernetes.io/dockerconfigjson", data } as KubernetesObject, signal);
}

function pod(namespace: string, name: string, { image, dockerConfigJson }: TrialOptions, script: string, target = "") {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { [LABELS.managedBy]: MANAGER, trial: name } },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      ...(dockerConfigJson === undefined ? {} : { imagePullSecrets: [{ name: PULL_SECRET }] }),
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name,
          image,
          // The registry is what is tried.
          imagePullPolicy: "Always",
          command: ["node", "-e", script],
          env: [{ name: "TARGET", value: target }],
          resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
        },
      ],
    },
  } as KubernetesObject;
}

/** Its address; or, as a text, why it does not run. */
async function running(api: KubernetesApi, namespace: string, name: string, signal: AbortSignal) {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const found = await api.get<V1Pod & KubernetesObject>("Pod", namespace, name, signal);
    const { podIP, containerStatuses } = found?.status ?? {};
    const { running: runs, waiting } = containerStatuses?.[0]?.state ?? {};
    if (runs && podIP) return { ip: podIP };
    // The first failure may be the registry's bad moment.
    if (waiting?.reason === "ImagePullBackOff" || performance.now() > deadline)
      return (
        waiting?.message ??
        found?.status?.conditions?.find(({ status }) => status === "False")?.message ??
        "no pod started"
      );
    await delay(STEP_MS, undefined, { signal });
  }
}

/** Whether the last thing that the caller tells becomes this. */
async function says(api: KubernetesApi, namespace: string, wanted: string, limitMs: number, signal: AbortSignal) {
  for (const deadline = performance.now() + limitMs; performance.now() < deadline; ) {
    const body = await api.stream(`${pathOf("Pod", namespace, "caller")}/log`, {}, START_MS, signal);
    if ((await body.text()).trimEnd().endsWith(wanted)) return true;
    await delay(STEP_MS, undefined, { signal });
  }
  return false;
}

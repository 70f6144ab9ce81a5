import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type KubernetesApi, type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import { LABELS, MANAGER, PULL_SECRET } from "@faas/platforms/kubernetes-manifests";
import type { V1Pod } from "@kubernetes/client-node";
import { type ClusterCheck, ok, warning } from "./cluster-check.ts";

/** Checks of a cluster that need pods, for `faas doctor --deep`: two pods in a namespace of their own, which is removed afterwards. */

const STEP_MS = 250;
const START_MS = 60_000;
const CLOSE_MS = 20_000;
const PORT = 8080;

const LISTENER = `require("node:net").createServer((socket) => socket.end()).listen(${PORT}, "::")`;
/** Program that prints "open" or "closed" each time that the connection to the other pod changes. */
const CALLER = `const net = require("node:net");
let previous;
const connect = () => {
  const socket = net.connect({ host: process.env.TARGET, port: ${PORT}, timeout: 500 });
  const report = (state) => { if (state !== previous) console.log(previous = state); socket.destroy(); setTimeout(connect, 200); };
  socket.once("connect", () => report("open")).once("error", () => report("closed")).once("timeout", () => report("closed"));
};
connect();`;

export interface DeepCheckOptions {
  /** Image with Node, by its name in the registry for the nodes. */
  readonly image: string;
  /** Text of a Docker `config.json` for pulling the image. */
  readonly dockerConfigJson?: string;
  readonly signal: AbortSignal;
}

/** Checks that nodes can pull from the registry, and that the cluster enforces network policies. */
export async function checkFromNode(api: KubernetesApi, options: DeepCheckOptions): Promise<ClusterCheck[]> {
  const namespace = `faas-doctor-${randomBytes(4).toString("hex")}`;
  const { image, signal } = options;
  try {
    await createNamespace(api, namespace, options);
    await api.create(pod(namespace, "listener", options, LISTENER), signal);
    const listener = await waitUntilRunning(api, namespace, "listener", signal);
    if (typeof listener === "string")
      return [warning("pull", listener, "Set the registry's address for the nodes with --registry-pull")];
    await api.create(pod(namespace, "caller", options, CALLER, listener.ip), signal);
    await waitUntilRunning(api, namespace, "caller", signal);
    const pulled = ok("pull", `a node pulled ${image.replace(/@.*/, "")}`);
    return [pulled, await checkPolicies(api, namespace, signal)];
  } finally {
    // Without the signal, to run also after Ctrl-C.
    await api.delete("Namespace", undefined, namespace);
  }
}

async function checkPolicies(api: KubernetesApi, namespace: string, signal: AbortSignal): Promise<ClusterCheck> {
  if (!(await callerReports(api, namespace, "open", START_MS, signal)))
    return warning(
      "policies",
      "a pod cannot call another one",
      "The cluster's network does not work: check its network plugin",
    );
  await api.create(
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "nobody", namespace },
      spec: { podSelector: { matchLabels: { trial: "listener" } }, policyTypes: ["Ingress"] },
    } as KubernetesObject,
    signal,
  );
  if (await callerReports(api, namespace, "closed", CLOSE_MS, signal))
    return ok("policies", "network policies are enforced (tested)");
  return warning(
    "policies",
    "network policies are not enforced (tested)",
    "Pods of one organization can call those of another: add a network plugin that enforces network policies",
  );
}

async function createNamespace(
  api: KubernetesApi,
  namespace: string,
  { dockerConfigJson, signal }: DeepCheckOptions,
): Promise<void> {
  const labels = { [LABELS.managedBy]: MANAGER, "pod-security.kubernetes.io/enforce": "restricted" };
  await api.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels } }, signal);
  if (dockerConfigJson === undefined) return;
  const data = { ".dockerconfigjson": Buffer.from(dockerConfigJson).toString("base64") };
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: PULL_SECRET, namespace } };
  await api.create({ ...secret, type: "kubernetes.io/dockerconfigjson", data } as KubernetesObject, signal);
}

function pod(
  namespace: string,
  name: string,
  { image, dockerConfigJson }: DeepCheckOptions,
  script: string,
  target = "",
) {
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
          // Pulls the image even if the node has it, to test the registry.
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

/** Waits until a pod runs. Returns its address, or as a text the reason why it does not run. */
async function waitUntilRunning(
  api: KubernetesApi,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly ip: string } | string> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const found = await api.get<V1Pod & KubernetesObject>("Pod", namespace, name, signal);
    const { podIP, containerStatuses, conditions } = found?.status ?? {};
    const { running, waiting } = containerStatuses?.[0]?.state ?? {};
    if (running && podIP) return { ip: podIP };
    // A single failed pull (ErrImagePull) may be temporary.
    if (waiting?.reason === "ImagePullBackOff" || performance.now() > deadline)
      return waiting?.message ?? conditions?.find(({ status }) => status === "False")?.message ?? "no pod started";
    await delay(STEP_MS, undefined, { signal });
  }
}

/** Waits until the last state that the caller printed is the expected one; returns false at the timeout. */
async function callerReports(
  api: KubernetesApi,
  namespace: string,
  expected: "open" | "closed",
  timeoutMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; ) {
    const body = await api.stream(`${pathOf("Pod", namespace, "caller")}/log`, {}, START_MS, signal);
    if ((await body.text()).trimEnd().endsWith(expected)) return true;
    await delay(STEP_MS, undefined, { signal });
  }
  return false;
}

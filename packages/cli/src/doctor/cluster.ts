import { FaasError, type Registry } from "@faas/core";
import type { KubernetesCredentials as Credentials } from "@faas/installer";
import { pushServerImage } from "../install/server-image.ts";
import type { Io } from "../terminal/io.ts";
import { Progress } from "../terminal/progress.ts";
import type { Check } from "./checks.ts";

const TIMEOUT_MS = 15_000;

interface ClusterCheckOptions {
  readonly context?: string;
  readonly namespace: string;
  readonly deep?: boolean;
}

/** Checks the cluster; with `deep` also a pull from the registry and network policies, in short-lived pods. */
export async function checkCluster(
  { context, namespace, deep }: ClusterCheckOptions,
  registry: Registry | undefined,
  io: Io,
): Promise<readonly Check[]> {
  const {
    checkCluster: checkApi,
    checkFromNode,
    KubernetesApi,
    KubernetesCredentials,
  } = await import("@faas/installer");
  let credentials: Credentials;
  try {
    credentials = KubernetesCredentials.load(context);
  } catch (error) {
    // A context that the user named must exist.
    if (context !== undefined || !(error instanceof FaasError)) throw error;
    const advice = "Only for servers on Kubernetes; the embedded platform needs no cluster";
    return [{ name: "cluster", status: "warning", found: error.message, advice }];
  }
  try {
    const api = new KubernetesApi(credentials);
    const signal = AbortSignal.any([io.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const checks = await checkApi(api, credentials, namespace, signal);
    if (!deep || checks.length < 2) return checks;
    if (!registry) throw new FaasError("USAGE", "--deep tries a pull from the registry. Pass --registry");
    const image = await pushServerImage(registry, await Progress.create(io), io);
    const tried = await checkFromNode(api, { ...image, signal: io.signal });
    // The result of a trial replaces the estimate.
    return [...checks.filter(({ name }) => !tried.some((each) => each.name === name)), ...tried];
  } finally {
    await credentials.close();
  }
}

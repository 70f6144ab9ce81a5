import { randomBytes } from "node:crypto";
import type { KubernetesApi, KubernetesObject } from "@faas/platforms/kubernetes-client";
import type { V1EnvVar, V1Secret, V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import { metadataOf, SERVER } from "../labels.ts";
import { SECRET_MODE } from "../pod-parts.ts";
import type { SecretValues, ServerManifestOptions, ServerSecrets } from "../settings.ts";

const FOLDER = "/etc/faas/server-secrets";
/** Annotation of the Secret and of the pod: changes with the values, so that other ones replace the pod. It is random, because a digest could be guessed. */
const VERSION = "faas/server-secrets";
const VERSION_BYTES = 8;

/** Keys of the Secret. */
const KEYS = {
  queue: "queue-url",
  queueCredentials: "queue-credentials",
  registryHookToken: "registry-hook-token",
} as const satisfies Record<keyof SecretValues, string>;

const NAMES = Object.keys(KEYS) as (keyof SecretValues)[];

/** Reads the secret settings of an installation; `undefined` if it has none. */
export async function readServerSecrets(
  api: Pick<KubernetesApi, "get">,
  namespace: string,
  signal?: AbortSignal,
): Promise<ServerSecrets | undefined> {
  const found = await api.get<V1Secret & KubernetesObject>("Secret", namespace, SERVER.secrets, signal);
  if (found === undefined) return undefined;
  const { data = {}, metadata } = found;
  const values = NAMES.flatMap((name) => {
    const value = data[KEYS[name]];
    return value === undefined ? [] : [[name, Buffer.from(value, "base64").toString()] as const];
  });
  return { values: Object.fromEntries(values), version: metadata?.annotations?.[VERSION] ?? "" };
}

/**
 * Combines the given values with those of an existing installation. "none" removes one, and the credentials go with the queue. The version changes only
 * with the values. `undefined` if none are left.
 */
export function serverSecretsFor(given: SecretValues, previous: ServerSecrets | undefined): ServerSecrets | undefined {
  const merged = NAMES.map((name) => [name, given[name] ?? previous?.values[name]] as const);
  const kept = merged.filter(([, value]) => value !== undefined && value !== "none");
  const values: SecretValues = Object.fromEntries(
    kept.filter(([name]) => name !== "queueCredentials" || kept.some(([other]) => other === "queue")),
  );
  if (Object.keys(values).length === 0) return undefined;
  if (previous !== undefined && NAMES.every((name) => values[name] === previous.values[name]))
    return { values, version: previous.version };
  return { values, version: randomBytes(VERSION_BYTES).toString("hex") };
}

/** Builds the Secret. */
export function serverSecretsManifest(namespace: string, { values, version }: ServerSecrets): V1Secret {
  const data = NAMES.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [[KEYS[name], Buffer.from(value).toString("base64")] as const];
  });
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: { ...metadataOf(SERVER.secrets, namespace), annotations: { [VERSION]: version } },
    data: Object.fromEntries(data),
  };
}

interface SecretParts {
  readonly annotations: Record<string, string>;
  readonly env: V1EnvVar[];
  readonly volumes: V1Volume[];
  readonly mounts: V1VolumeMount[];
  readonly args: string[];
}

/** Builds the parts of the control server's pod that has the secret settings. All are empty without such settings. */
export function serverSecretParts({ serverSecrets }: Pick<ServerManifestOptions, "serverSecrets">): SecretParts {
  if (serverSecrets === undefined) return { annotations: {}, env: [], volumes: [], mounts: [], args: [] };
  const { values, version } = serverSecrets;
  const files = (["queueCredentials", "registryHookToken"] as const).filter((name) => values[name] !== undefined);
  const items = files.map((name) => ({ key: KEYS[name], path: KEYS[name] }));
  const volume: V1Volume = {
    name: "server-secrets",
    secret: { secretName: SERVER.secrets, items, defaultMode: SECRET_MODE },
  };
  const secretKeyRef = { name: SERVER.secrets, key: KEYS.queue };
  return {
    annotations: { [VERSION]: version },
    // Not an argument: a password would be in the list of processes.
    env: values.queue === undefined ? [] : [{ name: "FAAS_QUEUE", valueFrom: { secretKeyRef } }],
    volumes: files.length === 0 ? [] : [volume],
    mounts: files.length === 0 ? [] : [{ name: volume.name, mountPath: FOLDER, readOnly: true }],
    args: files.flatMap((name) => [FILE_OPTIONS[name], `${FOLDER}/${KEYS[name]}`]),
  };
}

const FILE_OPTIONS = { queueCredentials: "--queue-credentials", registryHookToken: "--registry-hook-token-file" };

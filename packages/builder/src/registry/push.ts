import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import type Docker from "dockerode";
import { engineMessage } from "../docker/engine-errors.ts";
import { events } from "../docker/events.ts";
import { type ImageProgress, LayerProgress } from "../docker/layer-progress.ts";
import { checkPushAccess, RETRY_DELAYS_MS } from "./access.ts";
import { accessDenied, type RegistryAccess } from "./client.ts";
import { engineAuth } from "./credentials.ts";

export interface PushOptions extends RegistryAccess {
  readonly tag: string;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
  /**
   * Milliseconds without progress after which the registry counts as unreachable.
   *
   * @defaultValue 60,000
   */
  readonly stalledMs?: number | undefined;
}

/** Number of times that a Docker engine tries to push a layer. */
const ENGINE_ATTEMPTS = 5;

/**
 * Makes the engine push `registry/repository:tag` and returns the manifest's digest. After broken connections and failures of the registry, the
 * engine itself retries each layer for a minute; everything else is retried twice here.
 *
 * @throws REGISTRY_DENIED
 * @throws REGISTRY_UNREACHABLE
 * @throws PUSH_FAILED
 */
export async function pushImage(docker: Docker, options: PushOptions): Promise<string> {
  const { signal } = options;
  await checkPushAccess(options);
  const engine = { retries: false };
  for (let retries = 0; ; retries++) {
    try {
      return await pushOnce(docker, options, engine);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof FaasError) throw error;
      const reason = engineMessage(error);
      const delayMs = engine.retries ? undefined : RETRY_DELAYS_MS[retries];
      if (delayMs === undefined || !isTransient(reason))
        throw pushError(reason, options, engine.retries ? ENGINE_ATTEMPTS : retries + 1);
      await delay(delayMs, undefined, signal ? { signal } : {});
    }
  }
}

async function pushOnce(docker: Docker, options: PushOptions, engine: { retries: boolean }): Promise<string> {
  const { host, repository, tag, credentials, signal, onProgress, stalledMs = 60_000 } = options;
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), stalledMs);
  const both = signal ? AbortSignal.any([signal, stalled.signal]) : stalled.signal;
  let digest: string | undefined;
  try {
    const image = docker.getImage(`${host}/${repository}`);
    const stream = await image.push({ tag, authconfig: engineAuth(credentials, host), abortSignal: both });
    const layers = new LayerProgress();
    for await (const event of events(stream, both)) {
      timer.refresh();
      if (event.error !== undefined) throw new Error(event.error);
      if (event.status?.startsWith("Retrying in ")) engine.retries = true;
      digest = (event.aux as { Digest?: string } | undefined)?.Digest ?? digest;
      const progress = layers.after(event);
      if (progress) onProgress?.(progress);
    }
  } catch (error) {
    if (!stalled.signal.aborted || signal?.aborted) throw error;
    throw new FaasError(
      "REGISTRY_UNREACHABLE",
      `The registry ${host} accepted the connection, but made no progress for ${stalledMs / 1000} s while receiving ${repository}`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
  if (digest !== undefined) return digest;
  throw new Error("the engine did not return a digest");
}

const IS_DENIED = /unauthorized|authentication required|no basic auth|denied|forbidden|insufficient_scope|\b40[13]\b/i;
const IS_CERTIFICATE = /x509|certificate|tls: /i;
const IS_PLAIN_HTTP = /server gave HTTP response to HTTPS client/i;
const IS_BROKEN =
  /connection refused|no such host|timeout|deadline exceeded|unreachable|reset by peer|broken pipe|\bEOF\b|ECONNRESET|socket hang up/i;
const IS_SERVER_FAILURE = /\b(status|code)\b.*\b5\d\d\b|50\d (Internal|Bad|Service|Gateway)|toomanyrequests|\b429\b/i;
/** Two pushes of the same layer at the same time: the registry rejects the manifest of one, whose layer is there a moment later. */
const IS_LAYER_RACE = /digest invalid|blob unknown/i;

/** True for reasons that may be gone shortly. */
const isTransient = (reason: string) =>
  !IS_DENIED.test(reason) &&
  !IS_CERTIFICATE.test(reason) &&
  [IS_SERVER_FAILURE, IS_BROKEN, IS_LAYER_RACE].some((pattern) => pattern.test(reason));

function pushError(reason: string, options: PushOptions, attempts: number): FaasError {
  const { host, repository, tag } = options;
  const cause = new Error(reason);
  if (IS_PLAIN_HTTP.test(reason)) {
    return new FaasError(
      "REGISTRY_UNREACHABLE",
      `The registry ${host} uses plain HTTP, but the Docker engine expects TLS. Give the registry a certificate, or add it to "insecure-registries" in the engine's daemon.json`,
      { cause },
    );
  }
  if (IS_CERTIFICATE.test(reason)) {
    return new FaasError(
      "REGISTRY_UNREACHABLE",
      `The Docker engine does not trust the certificate of the registry ${host} (${reason}). Copy the certificate of its authority to /etc/docker/certs.d/${host}/ca.crt on the engine's machine`,
      { cause },
    );
  }
  if (IS_DENIED.test(reason)) return accessDenied(options, reason);
  const times = attempts === 1 ? "" : `, tried ${attempts} times`;
  if (IS_BROKEN.test(reason)) {
    return new FaasError(
      "REGISTRY_UNREACHABLE",
      `The Docker engine cannot reach the registry ${host} (${reason})${times}`,
      { cause },
    );
  }
  return new FaasError("PUSH_FAILED", `Failed to push ${host}/${repository}:${tag}${times}: ${reason}`, {
    cause,
  });
}

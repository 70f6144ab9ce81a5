import { setTimeout as delay } from "node:timers/promises";
import { FaasError } from "@faas/core";
import type Docker from "dockerode";
import { engineWords } from "../docker/engine-errors.ts";
import { events } from "../docker/events.ts";
import { type ImageProgress, LayerProgress } from "../docker/layer-progress.ts";
import { checkPushAccess, RETRY_MS } from "./access.ts";
import { denied, type RegistryAccess } from "./client.ts";
import { authOf } from "./credentials.ts";

export interface PushOptions extends RegistryAccess {
  readonly tag: string;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
  /** Time without any progress after which a registry counts as gone; a minute. */
  readonly stalledMs?: number | undefined;
}

/** How often a Docker engine tries to push a layer. */
const ENGINE_TRIES = 5;

/**
 * Has the engine push `registry/repository:tag`; gives the manifest's digest. Broken connections and failures of the registry are tried
 * again: each layer by the engine itself, for a minute, and all else twice by us. REGISTRY_DENIED, REGISTRY_UNREACHABLE, PUSH_FAILED.
 */
export async function pushImage(docker: Docker, options: PushOptions): Promise<string> {
  const { signal } = options;
  await checkPushAccess(options);
  const engine = { retries: false };
  for (let tries = 0; ; tries++) {
    try {
      return await pushOnce(docker, options, engine);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof FaasError) throw error;
      const reason = engineWords(error);
      const pause = engine.retries ? undefined : RETRY_MS[tries];
      if (pause === undefined || !mayPass(reason))
        throw explain(reason, options, engine.retries ? ENGINE_TRIES : tries + 1);
      await delay(pause, undefined, signal ? { signal } : {});
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
    const stream = await image.push({ tag, authconfig: authOf(credentials, host), abortSignal: both });
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
      `The registry ${host} takes the connection, and then said nothing for ${stalledMs / 1000} s while ${repository} was pushed`,
      { cause: error },
    );
  } finally {
    clearTimeout(timer);
  }
  if (digest !== undefined) return digest;
  throw new Error("the engine named no digest");
}

const IS_DENIED = /unauthorized|authentication required|no basic auth|denied|forbidden|insufficient_scope|\b40[13]\b/i;
const IS_CERTIFICATE = /x509|certificate|tls: /i;
const IS_PLAIN_HTTP = /server gave HTTP response to HTTPS client/i;
const IS_BROKEN =
  /connection refused|no such host|timeout|deadline exceeded|unreachable|reset by peer|broken pipe|\bEOF\b|ECONNRESET|socket hang up/i;
const IS_SERVER_FAILURE = /\b(status|code)\b.*\b5\d\d\b|50\d (Internal|Bad|Service|Gateway)|toomanyrequests|\b429\b/i;

/** Whether the same may work a moment later. */
const mayPass = (reason: string) =>
  !IS_DENIED.test(reason) && !IS_CERTIFICATE.test(reason) && (IS_SERVER_FAILURE.test(reason) || IS_BROKEN.test(reason));

function explain(reason: string, options: PushOptions, tries: number): FaasError {
  const { host, repository, tag } = options;
  const cause = new Error(reason);
  if (IS_PLAIN_HTTP.test(reason)) {
    return new FaasError(
      "REGISTRY_UNREACHABLE",
      `The registry ${host} speaks plain HTTP, and the Docker engine expects TLS. Give the registry a certificate, or name it in "insecure-registries" of the engine's daemon.json`,
      { cause },
    );
  }
  if (IS_CERTIFICATE.test(reason)) {
    return new FaasError(
      "REGISTRY_UNREACHABLE",
      `The Docker engine does not trust the certificate of the registry ${host} (${reason}). Put the authority that signed it in /etc/docker/certs.d/${host}/ca.crt on the engine's machine`,
      { cause },
    );
  }
  if (IS_DENIED.test(reason)) return denied(options, reason);
  const times = tries === 1 ? "" : `, tried ${tries} times`;
  if (IS_BROKEN.test(reason)) {
    return new FaasError(
      "REGISTRY_UNREACHABLE",
      `The Docker engine cannot reach the registry ${host} (${reason})${times}`,
      { cause },
    );
  }
  return new FaasError("PUSH_FAILED", `${host}/${repository}:${tag} could not be pushed${times}: ${reason}`, {
    cause,
  });
}

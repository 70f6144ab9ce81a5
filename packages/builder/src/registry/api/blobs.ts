import { Readable } from "node:stream";
import { FaasError } from "@faas/core";
import { accessDenied } from "../client.ts";
import { pushRefused, rejectUnreachable } from "./failures.ts";
import { registryMessage } from "./registry-message.ts";
import type { RegistrySession } from "./session.ts";

/** A blob in a registry: `digest` and `sizeBytes` of its bytes there. */
export interface BlobFacts {
  /** `sha256:…`. */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Time without any byte after which the transfer of a blob fails. */
export const TRANSFER_IDLE_MS = 60_000;

/**
 * Asks whether a repository has a blob (OCI distribution specification, "Checking if content exists in the registry").
 *
 * @throws REGISTRY_UNREACHABLE
 */
export async function hasBlob(session: RegistrySession, repository: string, digest: string): Promise<boolean> {
  const path = `/v2/${repository}/blobs/${digest}`;
  // The token of the push that follows.
  const request = { method: "HEAD", path, scope: repository, idleMs: TRANSFER_IDLE_MS } as const;
  const { status } = await session.sendRetrying(request).catch(rejectUnreachable(session));
  return status === 200;
}

/**
 * Opens a blob from a byte on.
 *
 * @throws REGISTRY_DENIED, REGISTRY_UNREACHABLE, IMAGE_NOT_FOUND
 */
export async function openBlob(
  session: RegistrySession,
  repository: string,
  digest: string,
  start = 0,
): Promise<Readable> {
  const path = `/v2/${repository}/blobs/${digest}`;
  const headers: Record<string, string> = start === 0 ? {} : { Range: `bytes=${start}-` };
  const response = await session
    .open({ method: "GET", path, headers, idleMs: TRANSFER_IDLE_MS })
    .catch(rejectUnreachable(session));
  const { statusCode: status = 0 } = response;
  if (status === 206 || (status === 200 && start === 0)) return response;
  if (status === 200) return skipBytes(response, start);
  response.destroy();
  const facts = { status, body: Buffer.alloc(0) };
  if (status === 401 || status === 403)
    throw accessDenied({ ...session.access, repository }, registryMessage(facts), "pull");
  throw new FaasError(
    status === 404 ? "IMAGE_NOT_FOUND" : "REGISTRY_UNREACHABLE",
    `The registry ${session.host} has no layer ${digest} of ${repository}: ${registryMessage(facts)}`,
  );
}

/** Leaves out the first bytes, for a registry that ignores `Range`. */
function skipBytes(source: Readable, count: number): Readable {
  async function* rest() {
    let left = count;
    for await (const piece of source as AsyncIterable<Buffer>) {
      if (left < piece.length) yield piece.subarray(left);
      left = Math.max(0, left - piece.length);
    }
  }
  return Readable.from(rest());
}

/**
 * Makes a repository have a blob of another one, without sending it (OCI distribution specification, "Mounting a blob from another repository"); returns
 * the location of an upload when the registry does not mount it.
 *
 * @throws REGISTRY_DENIED, REGISTRY_UNREACHABLE, PUSH_FAILED
 */
export async function mountBlob(
  session: RegistrySession,
  repository: string,
  digest: string,
  from: string,
): Promise<"mounted" | { readonly location: string }> {
  const query = new URLSearchParams({ mount: digest, from });
  const path = `/v2/${repository}/blobs/uploads/?${query}`;
  // A token for both repositories.
  const scope = `${repository} ${from}`;
  const response = await session
    .sendRetrying({ method: "POST", path, scope, idleMs: TRANSFER_IDLE_MS })
    .catch(rejectUnreachable(session));
  const { status, headers } = response;
  if (status === 201) return "mounted";
  if (status === 202 && headers.location) return { location: headers.location };
  // A login may be allowed to read the other repository without being allowed to mount from it.
  if (status === 401 || status === 403 || status === 404 || status === 405)
    return { location: await startUpload(session, repository) };
  throw pushRefused(session, repository, response);
}

/**
 * Begins an upload and returns its URL (OCI distribution specification, "Pushing blobs").
 *
 * @throws REGISTRY_DENIED, REGISTRY_UNREACHABLE, PUSH_FAILED
 */
export async function startUpload(session: RegistrySession, repository: string): Promise<string> {
  const path = `/v2/${repository}/blobs/uploads/`;
  const request = { method: "POST", path, scope: repository, idleMs: TRANSFER_IDLE_MS } as const;
  const response = await session.sendRetrying(request).catch(rejectUnreachable(session));
  if (response.status === 202 && response.headers.location) return response.headers.location;
  throw pushRefused(session, repository, response);
}

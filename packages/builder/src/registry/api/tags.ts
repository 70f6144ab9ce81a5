import { FaasError } from "@faas/core";
import { ACCEPT_MANIFESTS } from "../client.ts";
import { isDigest } from "../digest.ts";
import { rejectUnreachable } from "./failures.ts";
import { readManifest } from "./manifests.ts";
import type { RegistrySession } from "./session.ts";

/**
 * Asks which manifest a tag names. A registry that limits pulls does not count a HEAD as one.
 *
 * @throws IMAGE_NOT_FOUND, REGISTRY_DENIED, REGISTRY_UNREACHABLE
 */
export async function resolveDigest(session: RegistrySession, repository: string, tag: string): Promise<string> {
  const path = `/v2/${repository}/manifests/${tag}`;
  const headers = ACCEPT_MANIFESTS;
  const response = await session.sendRetrying({ method: "HEAD", path, headers }).catch(rejectUnreachable(session));
  const digest = response.headers["docker-content-digest"];
  if (response.status === 200 && isDigest(digest)) return digest;
  if (response.status === 404)
    throw new FaasError("IMAGE_NOT_FOUND", `The registry has no image ${session.host}/${repository}:${tag}`);
  // Reports the reason of a failure, which a HEAD does not have.
  return (await readManifest(session, repository, tag)).digest;
}

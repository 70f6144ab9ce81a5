import {
  type EndpointRef,
  type Manifests,
  manifestsSchema,
  type PostRollback,
  type RevisionDetails,
  type RevisionFiles,
  type RevisionView,
  type RolledBack,
  revisionDetailsSchema,
  revisionFilesSchema,
  revisionListSchema,
  rolledBackSchema,
} from "@faas/core";
import { type Client, pathOf } from "./client.ts";

/** Requests about revisions of endpoints. */

/** Lists the revisions of an endpoint, newest first. */
export async function listRevisions(client: Client, ref: EndpointRef): Promise<readonly RevisionView[]> {
  return (await client.json(revisionListSchema, "GET", `${pathOf(ref)}/revisions`)).revisions;
}

/**
 * Returns a revision with its settings.
 *
 * @param revision its id, or the beginning of it
 */
export const revisionDetails = (client: Client, ref: EndpointRef, revision: string): Promise<RevisionDetails> =>
  client.json(revisionDetailsSchema, "GET", revisionPath(ref, revision));

/** Lists the files of a revision. */
export const revisionFiles = (client: Client, ref: EndpointRef, revision: string): Promise<RevisionFiles> =>
  client.json(revisionFilesSchema, "GET", `${revisionPath(ref, revision)}/files`);

/** Returns the Kubernetes objects that run the serving revision of an endpoint without faas. */
export const endpointManifests = (client: Client, ref: EndpointRef): Promise<Manifests> =>
  client.json(manifestsSchema, "GET", `${pathOf(ref)}/manifests`);

/** Makes a revision serve again: the one that served before, if none is named. */
export const postRollback = (client: Client, ref: EndpointRef, body: PostRollback): Promise<RolledBack> =>
  client.json(rolledBackSchema, "POST", `${pathOf(ref)}/rollback`, body);

const revisionPath = (ref: EndpointRef, revision: string) => `${pathOf(ref)}/revisions/${encodeURIComponent(revision)}`;

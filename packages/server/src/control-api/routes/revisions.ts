import {
  artifactOf,
  bundleOf,
  endpointKey,
  FaasError,
  postRollbackSchema,
  revisionDetailsSchema,
  revisionFilesSchema,
  revisionListSchema,
  rolledBackSchema,
} from "@faas/core";
import { clientAddress } from "../../audit/client-address.ts";
import { bundleFiles } from "../../bundles/bundle-files.ts";
import type { BundleStore } from "../../bundles/bundle-store.ts";
import { findRevision } from "../../deployments/find-revision.ts";
import { type RollbackDeps, rollBack } from "../../deployments/rollback.ts";
import type { Store } from "../../state/store.ts";
import { optionalJsonBody } from "../json-body.ts";
import { requireEndpoint } from "../lookup.ts";
import { originOf } from "../origin.ts";
import { originOfRevision } from "../registration.ts";
import { defineRoute, json, type Route, stateOf } from "../route.ts";
import { viewDetails, viewRevisions } from "../views/revision.ts";

const ENDPOINT = "/-/orgs/{org}/endpoints/{endpoint}";

export interface RevisionRoutesDeps extends RollbackDeps {
  readonly store: Pick<Store, "org" | "orgs" | "endpoint">;
  readonly bundles: Pick<BundleStore, "folder">;
}

/** Creates the routes about revisions of endpoints. */
export const revisionRoutes = (deps: RevisionRoutesDeps): Route[] => [
  listRevisions(deps),
  getRevision(deps),
  listFiles(deps),
  postRollback(deps),
];

const listRevisions = ({ store }: Pick<RevisionRoutesDeps, "store">) =>
  defineRoute({
    method: "get",
    path: `${ENDPOINT}/revisions`,
    requires: "read",
    summary: "Lists the kept revisions of an endpoint, newest first",
    responses: { 200: json("the list", revisionListSchema) },
    handle: ({ parameters: ref, permissions }) => ({
      status: 200,
      body: { revisions: viewRevisions(requireEndpoint(ref, store, permissions)) },
    }),
  });

const getRevision = ({ store }: Pick<RevisionRoutesDeps, "store">) =>
  defineRoute({
    method: "get",
    path: `${ENDPOINT}/revisions/{revision}`,
    requires: "read",
    summary: "Shows a revision of an endpoint with its settings",
    responses: { 200: json("the revision", revisionDetailsSchema) },
    handle({ parameters: { revision, ...ref }, permissions }) {
      const record = requireEndpoint(ref, store, permissions);
      return { status: 200, body: viewDetails(record, findRevision(ref, record, revision)) };
    },
  });

const listFiles = ({ store, bundles }: Pick<RevisionRoutesDeps, "store" | "bundles">) =>
  defineRoute({
    method: "get",
    path: `${ENDPOINT}/revisions/{revision}/files`,
    requires: "read",
    summary: "Lists the files in the bundle of a revision, with the digests of their contents",
    responses: { 200: json("the files, as far as the server has them", revisionFilesSchema) },
    async handle({ parameters: { revision, ...ref }, permissions }) {
      const found = findRevision(ref, requireEndpoint(ref, store, permissions), revision);
      const bundle = bundleOf(artifactOf(found));
      if (bundle === undefined) return { status: 200, body: {} };
      const folder = await bundles.folder(bundle).catch((error) => {
        if (error instanceof FaasError && error.code === "BUNDLE_NOT_FOUND") return undefined;
        throw error;
      });
      if (folder === undefined) return { status: 200, body: { bundle } };
      return { status: 200, body: { bundle, files: await bundleFiles(folder) } };
    },
  });

const postRollback = (deps: RevisionRoutesDeps) =>
  defineRoute({
    method: "post",
    path: `${ENDPOINT}/rollback`,
    requires: "deploy",
    summary:
      "Makes a kept revision of an endpoint serve again: the one that served before, or any other; the response is sent when it is on disk",
    requestBody: optionalJsonBody(postRollbackSchema),
    responses: { 200: json("it serves, or its rollout has begun", rolledBackSchema) },
    async handle({ context, parameters: ref, body, permissions }) {
      requireEndpoint(ref, deps.store, permissions);
      const canSee = (org: string) => permissions.canSee(org);
      const origin = originOfRevision({ from: clientAddress(context.req) }, permissions);
      const { renewed, ...outcome } = await rollBack({ ref, revision: body?.revision, origin, canSee }, deps);
      stateOf(context).change = { revision: { from: outcome.replaced, to: outcome.revision } };
      const url = `${originOf(context)}/${endpointKey(ref)}`;
      return { status: 200, body: { ...ref, url, ...outcome, ...(renewed.length > 0 ? { renewed } : {}) } };
    },
  });

import { FaasError, orgName, orgNameProblem, storedBundleSchema } from "@faas/core";
import type { Context } from "koa";
import type { BundleAccess } from "../../bundles/bundle-access.ts";
import type { BundleStore } from "../../bundles/bundle-store.ts";
import type { StorageQuota } from "../../bundles/storage-quota.ts";
import { bodyOf, unreadBody } from "../drain-body.ts";
import { defineRoute, json, type Route } from "../route.ts";

export interface BundleRoutesDeps {
  readonly bundles: Pick<BundleStore, "has" | "put">;
  readonly bundleAccess: Pick<BundleAccess, "has" | "grant">;
  readonly storageQuota: Pick<StorageQuota, "reserve">;
}

/** Creates the routes about bundles. */
export const bundleRoutes = (deps: BundleRoutesDeps): Route[] => [headBundle(deps), putBundle(deps)];

const headBundle = ({ bundles, bundleAccess }: Pick<BundleRoutesDeps, "bundles" | "bundleAccess">) =>
  defineRoute({
    method: "head",
    path: "/-/bundles/{digest}",
    requires: "deploy",
    summary: "Checks whether the server has the bundle; with a key of an organization, from this organization",
    responses: { 200: { description: "yes" }, 404: { description: "no" } },
    async handle({ parameters: { digest }, permissions: { org } }) {
      const isVisible = org === undefined || bundleAccess.has(org, digest);
      return { status: isVisible && (await bundles.has(digest)) ? 200 : 404 };
    },
  });

const putBundle = ({ bundles, bundleAccess, storageQuota }: BundleRoutesDeps) =>
  defineRoute({
    method: "put",
    path: "/-/bundles/{digest}",
    requires: "deploy",
    summary: "Uploads a bundle: a tar whose SHA-256 is the digest",
    requestBody: unreadBody("application/x-tar"),
    query: { org: orgName.describe("the organization whose limit of stored bytes applies, for a key of the server") },
    responses: { 200: json("it existed", storedBundleSchema), 201: json("it is new", storedBundleSchema) },
    async handle({ context, parameters: { digest }, permissions }) {
      const org = permissions.org ?? queriedOrg(context);
      if (permissions.org !== undefined) permissions.require(queriedOrg(context) ?? permissions.org, "deploy");
      // An organization must not learn that another one has the bundle.
      const mustProve = permissions.org !== undefined && !bundleAccess.has(permissions.org, digest);
      const { length } = context.request;
      const reservation = org === undefined ? undefined : await storageQuota.reserve(org, digest, length);
      let isNew: boolean;
      try {
        isNew = await bundles.put(digest, bodyOf(context.req), {
          mustProve,
          ...(length === undefined ? {} : { length }),
          ...(reservation === undefined ? {} : { allowance: reservation }),
        });
        if (org !== undefined) bundleAccess.grant(org, digest);
      } finally {
        reservation?.release();
      }
      return { status: isNew || mustProve ? 201 : 200, body: { digest } };
    },
  });

function queriedOrg(context: Context): string | undefined {
  const { org } = context.query;
  if (org === undefined) return undefined;
  const problem = typeof org === "string" ? orgNameProblem(org) : 'Expected one "org"';
  if (problem) throw new FaasError("INVALID_NAME", problem);
  return org as string;
}

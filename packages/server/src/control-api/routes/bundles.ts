import { bundleDigestSchema, FaasError, orgNameProblem, validate } from "@faas/core";
import type { Context } from "koa";
import { bodyOf } from "../drain-body.ts";
import type { Route } from "../route.ts";

/** Routes about bundles. */
export const bundleRoutes: readonly Route[] = [
  {
    method: "head",
    path: "/-/bundles/{digest}",
    access: "deploy",
    summary: "Does the server have the bundle? With a key of an organization: from it",
    answers: { 200: "yes", 404: "no" },
    async handle(context, { digest = "" }, { bundles, grants, access }) {
      const wanted = validate(bundleDigestSchema, digest, "the path");
      const known = (access.org === undefined || grants.has(access.org, wanted)) && (await bundles.has(wanted));
      // Koa takes an empty body for a 204 unless the status comes after it.
      context.body = null;
      context.status = known ? 200 : 404;
    },
  },
  {
    method: "put",
    path: "/-/bundles/{digest}",
    access: "deploy",
    summary: "Uploads a bundle: a tar whose SHA-256 is the digest",
    body: "application/x-tar",
    query: { org: "whose limit of stored bytes counts, where the key names none" },
    answers: { 200: "it was there", 201: "it is new" },
    async handle(context, { digest = "" }, { bundles, grants, bundleRoom, access }) {
      const wanted = validate(bundleDigestSchema, digest, "the path");
      // That another organization has it already does not show.
      const mustProve = access.org !== undefined && !grants.has(access.org, wanted);
      const org = access.org ?? queriedOrg(context);
      if (access.org !== undefined) access.require(queriedOrg(context) ?? access.org, "deploy");
      const { length } = context.request;
      const room = org === undefined ? undefined : await bundleRoom.reserve(org, wanted, length);
      let isNew: boolean;
      try {
        isNew = await bundles.put(wanted, bodyOf(context.req), {
          mustProve,
          ...(length === undefined ? {} : { length }),
          ...(room === undefined ? {} : { allowance: room }),
        });
        if (org !== undefined) grants.grant(org, wanted);
      } finally {
        room?.release();
      }
      context.status = isNew || mustProve ? 201 : 200;
      context.body = { digest };
    },
  },
];

function queriedOrg(context: Context): string | undefined {
  const { org } = context.query;
  if (org === undefined) return undefined;
  const problem = typeof org === "string" ? orgNameProblem(org) : 'Expected one "org"';
  if (problem) throw new FaasError("INVALID_NAME", problem);
  return org as string;
}

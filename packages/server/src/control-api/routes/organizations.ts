import { changedLimits, FaasError, limitsProblem, putOrgSchema, registryCredentialsSchema, validate } from "@faas/core";
import { readJson } from "../json-body.ts";
import { requireOrg } from "../lookup.ts";
import type { Route } from "../route.ts";
import { viewOrg, viewOrgDetails } from "../views/organization.ts";

/** Routes about organizations. */
export const orgRoutes: readonly Route[] = [
  {
    method: "get",
    path: "/-/orgs",
    access: "read",
    summary: "All organizations that one may see",
    answers: { 200: "the list" },
    handle(context, _, { store, access, defaultLimits }) {
      context.body = {
        orgs: [...store.orgs()].filter((org) => access.canSee(org)).map((org) => viewOrg(org, store, defaultLimits)),
      };
    },
  },
  {
    method: "get",
    path: "/-/orgs/{org}",
    access: "read",
    summary: "One organization: its limits, and what it takes of them now",
    answers: { 200: "the organization" },
    async handle(context, { org = "" }, deps) {
      requireOrg(org, deps);
      context.body = await viewOrgDetails(org, deps);
    },
  },
  {
    method: "put",
    path: "/-/orgs/{org}",
    access: "admin",
    summary: "Makes an organization, or changes its limits; one comes into being with its first endpoint too",
    body: putOrgSchema,
    answers: { 200: "it was there", 201: "it is new" },
    async handle(context, { org = "" }, deps) {
      const { store, deployments, endpoints } = deps;
      const hasBody = context.get("content-type") !== "" || (context.request.length ?? 0) > 0;
      const { limits: change = {} } = hasBody
        ? validate(putOrgSchema, await readJson(context), "the request body")
        : {};
      const known = store.hasOrg(org);
      const former = store.org(org)?.limits ?? {};
      const limits = changedLimits(former, change);
      const problem = limitsProblem(change, limits);
      if (problem) throw new FaasError("INVALID_REQUEST", `In the request body: ${problem}`);
      if (Object.keys(change).length > 0) context.state.change = { limits: { from: former, to: limits } };
      await deployments.applyOrg(org, limits);
      await store.putOrg(org, change);
      endpoints.limitsChanged(org);
      context.status = known ? 200 : 201;
      context.body = await viewOrgDetails(org, deps);
    },
  },
  {
    method: "delete",
    path: "/-/orgs/{org}",
    access: "admin",
    summary: "Removes an organization with all that it has",
    answers: { 204: "it is gone" },
    async handle(context, { org = "" }, deps) {
      requireOrg(org, deps);
      await deps.deployments.removeOrg(org);
      deps.keys.endRevoked();
      deps.grants.forget(org);
      context.status = 204;
    },
  },
  {
    method: "put",
    path: "/-/orgs/{org}/registry-credentials",
    access: "deploy",
    summary: "Keeps what the nodes need to pull the organization's images; not in the state file",
    body: registryCredentialsSchema,
    answers: { 204: "they are kept" },
    async handle(context, { org = "" }, { deployments, platform, store }) {
      const { dockerConfigJson } = validate(registryCredentialsSchema, await readJson(context), "the request body");
      if (!platform.registryLogin)
        throw new FaasError("CAPABILITY_MISSING", `The ${platform.name} platform pulls no images, and needs no login`);
      await deployments.applyOrg(org);
      await store.putOrg(org);
      await platform.registryLogin(org, dockerConfigJson);
      context.status = 204;
    },
  },
];

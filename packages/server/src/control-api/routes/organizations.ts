import {
  changedLimits,
  FaasError,
  type Limits,
  limitsProblem,
  orgDetailsSchema,
  orgListSchema,
  type Platform,
  putOrgSchema,
  registryCredentialsSchema,
} from "@faas/core";
import type { KeyService } from "../../auth/key-service.ts";
import type { BundleAccess } from "../../bundles/bundle-access.ts";
import type { DeploymentController } from "../../deployments/controller.ts";
import type { Store } from "../../state/store.ts";
import { jsonBody, optionalJsonBody } from "../json-body.ts";
import { requireOrg } from "../lookup.ts";
import { defineRoute, json, type Route, stateOf } from "../route.ts";
import { type OrgDetailsDeps, viewOrg, viewOrgDetails } from "../views/organization.ts";

export interface OrgRoutesDeps extends OrgDetailsDeps {
  readonly store: Pick<Store, "org" | "orgs" | "hasOrg" | "putOrg">;
  /** Limits of organizations that have none of their own. */
  readonly defaultLimits: Limits;
  readonly deployments: Pick<DeploymentController, "applyOrg" | "removeOrg">;
  readonly keys: Pick<KeyService, "endRevoked">;
  readonly bundleAccess: Pick<BundleAccess, "forget">;
  readonly platform: Pick<Platform, "name" | "registryLogin">;
}

/** Creates the routes about organizations. */
export const orgRoutes = (deps: OrgRoutesDeps): Route[] => [
  listOrgs(deps),
  getOrg(deps),
  putOrg(deps),
  deleteOrg(deps),
  putRegistryCredentials(deps),
];

const listOrgs = ({ store, defaultLimits }: Pick<OrgRoutesDeps, "store" | "defaultLimits">) =>
  defineRoute({
    method: "get",
    path: "/-/orgs",
    requires: "read",
    summary: "Lists the organizations that the key can see",
    responses: { 200: json("the list", orgListSchema) },
    handle({ permissions }) {
      const visible = [...store.orgs()].filter((org) => permissions.canSee(org));
      return { status: 200, body: { orgs: visible.map((org) => viewOrg(org, store, defaultLimits)) } };
    },
  });

const getOrg = (deps: Pick<OrgRoutesDeps, "store"> & OrgDetailsDeps) =>
  defineRoute({
    method: "get",
    path: "/-/orgs/{org}",
    requires: "read",
    summary: "Shows an organization: its limits, and what it uses of them now",
    responses: { 200: json("the organization", orgDetailsSchema) },
    async handle({ parameters: { org }, permissions }) {
      requireOrg(org, deps.store, permissions);
      return { status: 200, body: await viewOrgDetails(org, deps) };
    },
  });

const putOrg = (deps: Pick<OrgRoutesDeps, "store" | "deployments"> & OrgDetailsDeps) =>
  defineRoute({
    method: "put",
    path: "/-/orgs/{org}",
    requires: "admin",
    summary: "Creates an organization, or changes its limits; the first endpoint of an organization creates it too",
    requestBody: optionalJsonBody(putOrgSchema),
    responses: { 200: json("it existed", orgDetailsSchema), 201: json("it is new", orgDetailsSchema) },
    async handle({ context, parameters: { org }, body: { limits: change = {} } = {} }) {
      const { store, deployments, endpoints } = deps;
      const exists = store.hasOrg(org);
      const previous = store.org(org)?.limits ?? {};
      const limits = changedLimits(previous, change);
      const problem = limitsProblem(change);
      if (problem) throw new FaasError("INVALID_REQUEST", `In the request body: ${problem}`);
      if (Object.keys(change).length > 0) stateOf(context).change = { limits: { from: previous, to: limits } };
      await deployments.applyOrg(org, limits);
      await store.putOrg(org, change);
      endpoints.limitsChanged(org);
      return { status: exists ? 200 : 201, body: await viewOrgDetails(org, deps) };
    },
  });

const deleteOrg = (deps: Pick<OrgRoutesDeps, "store" | "deployments" | "keys" | "bundleAccess">) =>
  defineRoute({
    method: "delete",
    path: "/-/orgs/{org}",
    requires: "admin",
    summary: "Removes an organization and everything in it",
    responses: { 204: { description: "it is removed" } },
    async handle({ parameters: { org }, permissions }) {
      requireOrg(org, deps.store, permissions);
      await deps.deployments.removeOrg(org);
      deps.keys.endRevoked();
      deps.bundleAccess.forget(org);
      return { status: 204 };
    },
  });

const putRegistryCredentials = ({
  deployments,
  platform,
  store,
}: Pick<OrgRoutesDeps, "deployments" | "platform" | "store">) =>
  defineRoute({
    method: "put",
    path: "/-/orgs/{org}/registry-credentials",
    requires: "deploy",
    summary: "Stores what the nodes need to pull the organization's images; not in the state file",
    requestBody: jsonBody(registryCredentialsSchema),
    responses: { 204: { description: "they are stored" } },
    async handle({ parameters: { org }, body: { dockerConfigJson } }) {
      if (!platform.registryLogin)
        throw new FaasError("CAPABILITY_MISSING", `The ${platform.name} platform pulls no images and needs no login`);
      await deployments.applyOrg(org);
      await store.putOrg(org);
      await platform.registryLogin(org, dockerConfigJson);
      return { status: 204 };
    },
  });

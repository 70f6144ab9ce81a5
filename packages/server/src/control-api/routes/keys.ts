import { keyListSchema, type NewKeyView, newKeyViewSchema, postAdminKeySchema, postOrgKeySchema } from "@faas/core";
import type { Context } from "koa";
import type { KeyService } from "../../auth/key-service.ts";
import type { Store } from "../../state/store.ts";
import { jsonBody } from "../json-body.ts";
import { requireOrg } from "../lookup.ts";
import { defineRoute, json, type Route, stateOf } from "../route.ts";

export interface KeyRoutesDeps {
  readonly keys: Pick<KeyService, "list" | "create" | "revoke">;
  readonly store: Pick<Store, "org" | "orgs">;
}

/** Creates the routes about keys. */
export const keyRoutes = (deps: KeyRoutesDeps): Route[] => [
  listOrgKeys(deps),
  createOrgKey(deps),
  deleteOrgKey(deps),
  listAdminKeys(deps),
  createAdminKey(deps),
  deleteAdminKey(deps),
];

const listOrgKeys = ({ keys, store }: KeyRoutesDeps) =>
  defineRoute({
    method: "get",
    path: "/-/orgs/{org}/keys",
    requires: "admin",
    summary: "Lists the keys of an organization, without their tokens",
    responses: { 200: json("the list", keyListSchema) },
    handle({ parameters: { org }, permissions }) {
      requireOrg(org, store, permissions);
      return { status: 200, body: { keys: keys.list(org) } };
    },
  });

const createOrgKey = ({ keys, store }: KeyRoutesDeps) =>
  defineRoute({
    method: "post",
    path: "/-/orgs/{org}/keys",
    requires: "admin",
    summary: "Creates a key for an organization; its token is shown only once",
    requestBody: jsonBody(postOrgKeySchema),
    responses: { 201: json("the key, with its token", newKeyViewSchema) },
    async handle({ context, parameters: { org }, body, permissions }) {
      requireOrg(org, store, permissions);
      return created(context, await keys.create({ ...body, org }));
    },
  });

const deleteOrgKey = ({ keys, store }: KeyRoutesDeps) =>
  defineRoute({
    method: "delete",
    path: "/-/orgs/{org}/keys/{key}",
    requires: "admin",
    summary: "Revokes a key: the server rejects it from the next request on",
    responses: { 204: { description: "it is revoked" } },
    async handle({ parameters: { org, key }, permissions }) {
      requireOrg(org, store, permissions);
      await keys.revoke(org, key);
      return { status: 204 };
    },
  });

const listAdminKeys = ({ keys }: Pick<KeyRoutesDeps, "keys">) =>
  defineRoute({
    method: "get",
    path: "/-/keys",
    requires: "admin",
    summary: "Lists the keys that can administer the whole server, without their tokens",
    responses: { 200: json("the list", keyListSchema) },
    handle: () => ({ status: 200, body: { keys: keys.list(undefined) } }),
  });

const createAdminKey = ({ keys }: Pick<KeyRoutesDeps, "keys">) =>
  defineRoute({
    method: "post",
    path: "/-/keys",
    requires: "admin",
    summary: "Creates a key that can administer the whole server; its token is shown only once",
    requestBody: jsonBody(postAdminKeySchema),
    responses: { 201: json("the key, with its token", newKeyViewSchema) },
    handle: async ({ context, body }) => created(context, await keys.create({ ...body, scope: "admin" })),
  });

const deleteAdminKey = ({ keys }: Pick<KeyRoutesDeps, "keys">) =>
  defineRoute({
    method: "delete",
    path: "/-/keys/{key}",
    requires: "admin",
    summary: "Revokes an admin key: the server rejects it from the next request on",
    responses: { 204: { description: "it is revoked" } },
    async handle({ parameters: { key } }) {
      await keys.revoke(undefined, key);
      return { status: 204 };
    },
  });

function created(context: Context, key: NewKeyView): { readonly status: 201; readonly body: NewKeyView } {
  stateOf(context).target = key.org === undefined ? key.id : `${key.org}/${key.id}`;
  context.set("Cache-Control", "no-store");
  return { status: 201, body: key };
}

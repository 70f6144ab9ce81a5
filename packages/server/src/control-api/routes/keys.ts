import { postAdminKeySchema, postOrgKeySchema, validate } from "@faas/core";
import type { Context } from "koa";
import type { KeyInput } from "../../auth/key-service.ts";
import type { RequestDeps } from "../app.ts";
import { readJson } from "../json-body.ts";
import { requireOrg } from "../lookup.ts";
import type { Route } from "../route.ts";

/** Routes about keys. */
export const keyRoutes: readonly Route[] = [
  {
    method: "get",
    path: "/-/orgs/{org}/keys",
    access: "admin",
    summary: "The keys of an organization, without their tokens",
    answers: { 200: "the list" },
    handle(context, { org = "" }, deps) {
      requireOrg(org, deps);
      context.body = { keys: deps.keys.list(org) };
    },
  },
  {
    method: "post",
    path: "/-/orgs/{org}/keys",
    access: "admin",
    summary: "Makes a key for an organization; its token is shown this once",
    body: postOrgKeySchema,
    answers: { 201: "the key, with its token" },
    async handle(context, { org = "" }, deps) {
      const input = validate(postOrgKeySchema, await readJson(context), "the request body");
      requireOrg(org, deps);
      await makeKey(context, { ...input, org }, deps);
    },
  },
  {
    method: "delete",
    path: "/-/orgs/{org}/keys/{key}",
    access: "admin",
    summary: "Revokes a key: from the next request on it is refused",
    answers: { 204: "it is gone" },
    async handle(context, { org = "", key = "" }, deps) {
      requireOrg(org, deps);
      await deps.keys.revoke(org, key);
      context.status = 204;
    },
  },
  {
    method: "get",
    path: "/-/keys",
    access: "admin",
    summary: "The keys that may administer the whole server, without their tokens",
    answers: { 200: "the list" },
    handle(context, _, { keys }) {
      context.body = { keys: keys.list(undefined) };
    },
  },
  {
    method: "post",
    path: "/-/keys",
    access: "admin",
    summary: "Makes a key that may administer the whole server; its token is shown this once",
    body: postAdminKeySchema,
    answers: { 201: "the key, with its token" },
    async handle(context, _, deps) {
      const input = validate(postAdminKeySchema, await readJson(context), "the request body");
      await makeKey(context, { ...input, scope: "admin" }, deps);
    },
  },
  {
    method: "delete",
    path: "/-/keys/{key}",
    access: "admin",
    summary: "Revokes an admin key: from the next request on it is refused",
    answers: { 204: "it is gone" },
    async handle(context, { key = "" }, { keys }) {
      await keys.revoke(undefined, key);
      context.status = 204;
    },
  },
];

async function makeKey(context: Context, input: KeyInput, { keys }: RequestDeps): Promise<void> {
  const made = await keys.create(input);
  context.state.target = [...(made.org === undefined ? [] : [made.org]), made.id].join("/");
  context.set("Cache-Control", "no-store");
  context.status = 201;
  context.body = made;
}

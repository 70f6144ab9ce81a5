import { secretListSchema, secretSetSchema } from "@faas/core";
import type { SecretService } from "../../secrets/secret-service.ts";
import type { Store } from "../../state/store.ts";
import { requireOrg } from "../lookup.ts";
import { defineRoute, json, type Route } from "../route.ts";
import { secretValueBody } from "../secret-value.ts";

export interface SecretRoutesDeps {
  readonly secrets: Pick<SecretService, "list" | "set" | "remove">;
  readonly store: Pick<Store, "org" | "orgs">;
}

/** Creates the routes about secrets. */
export const secretRoutes = (deps: SecretRoutesDeps): Route[] => [
  listSecrets(deps),
  putSecret(deps),
  deleteSecret(deps),
];

const listSecrets = ({ secrets, store }: SecretRoutesDeps) =>
  defineRoute({
    method: "get",
    path: "/-/orgs/{org}/secrets",
    requires: "read",
    summary: "Lists the secrets of an organization: names, when they were set, which endpoints use them; never values",
    responses: { 200: json("the list", secretListSchema) },
    handle({ parameters: { org }, permissions }) {
      requireOrg(org, store, permissions);
      return { status: 200, body: { secrets: secrets.list(org) } };
    },
  });

const putSecret = ({ secrets }: Pick<SecretRoutesDeps, "secrets">) =>
  defineRoute({
    method: "put",
    path: "/-/orgs/{org}/secrets/{name}",
    requires: "deploy",
    summary: "Sets the value of a secret, and begins to deploy it to the endpoints that use it",
    requestBody: secretValueBody,
    responses: { 200: json("its value was replaced", secretSetSchema), 201: json("it is new", secretSetSchema) },
    async handle({ parameters: { org, name }, body }) {
      const { isNew, ...set } = await secrets.set(org, name, body);
      return { status: isNew ? 201 : 200, body: set };
    },
  });

const deleteSecret = ({ secrets, store }: SecretRoutesDeps) =>
  defineRoute({
    method: "delete",
    path: "/-/orgs/{org}/secrets/{name}",
    requires: "deploy",
    summary: "Removes a secret that no endpoint uses",
    responses: { 204: { description: "it is removed" } },
    async handle({ parameters: { org, name }, permissions }) {
      requireOrg(org, store, permissions);
      await secrets.remove(org, name);
      return { status: 204 };
    },
  });

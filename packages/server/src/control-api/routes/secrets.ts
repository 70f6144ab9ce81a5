import { FaasError, putSecretSchema, secretNameProblem } from "@faas/core";
import { requireOrg } from "../lookup.ts";
import type { Route } from "../route.ts";
import { readSecretValue } from "../secret-value.ts";

/** Routes about secrets. */
export const secretRoutes: readonly Route[] = [
  {
    method: "get",
    path: "/-/orgs/{org}/secrets",
    access: "read",
    summary: "The secrets of an organization: names, when they were set, who uses them; never their values",
    answers: { 200: "the list" },
    handle(context, { org = "" }, deps) {
      requireOrg(org, deps);
      context.body = { secrets: deps.secrets.list(org) };
    },
  },
  {
    method: "put",
    path: "/-/orgs/{org}/secrets/{name}",
    access: "deploy",
    summary: "Gives a secret a value, and begins to deploy it to the endpoints that use it",
    body: putSecretSchema,
    answers: { 200: "it has another value now", 201: "it is new" },
    async handle(context, { org = "", name = "" }, { secrets }) {
      checkSecretName(name);
      const { isNew, ...set } = await secrets.set(org, name, await readSecretValue(context));
      context.status = isNew ? 201 : 200;
      context.body = set;
    },
  },
  {
    method: "delete",
    path: "/-/orgs/{org}/secrets/{name}",
    access: "deploy",
    summary: "Removes a secret that no endpoint uses",
    answers: { 204: "it is gone" },
    async handle(context, { org = "", name = "" }, deps) {
      checkSecretName(name);
      requireOrg(org, deps);
      await deps.secrets.remove(org, name);
      context.status = 204;
    },
  },
];

function checkSecretName(name: string): void {
  const problem = secretNameProblem(name);
  if (problem) throw new FaasError("INVALID_NAME", problem);
}

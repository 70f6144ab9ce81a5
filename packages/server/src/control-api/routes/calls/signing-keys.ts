import { signingKeySchema } from "@faas/core";
import type { SigningKeys } from "../../../destinations/signing-keys.ts";
import type { Store } from "../../../state/store.ts";
import { requireOrg } from "../../lookup.ts";
import { defineRoute, json, type Route } from "../../route.ts";

const PATH = "/-/orgs/{org}/signing-key";

export interface SigningKeyRoutesDeps {
  readonly signingKeys: Pick<SigningKeys, "get" | "rotate">;
  readonly store: Pick<Store, "org" | "orgs">;
}

/** Creates the routes about the key that signs calls to URLs. */
export const signingKeyRoutes = (deps: SigningKeyRoutesDeps): Route[] => [getSigningKey(deps), rotateSigningKey(deps)];

const getSigningKey = ({ signingKeys, store }: SigningKeyRoutesDeps) =>
  defineRoute({
    method: "get",
    path: PATH,
    requires: "deploy",
    summary: "Shows the key that signs an organization's calls to URLs",
    responses: { 200: json("the key", signingKeySchema) },
    async handle({ context, parameters: { org }, permissions }) {
      requireOrg(org, store, permissions);
      context.set("Cache-Control", "no-store");
      return { status: 200, body: await signingKeys.get(org) };
    },
  });

const rotateSigningKey = ({ signingKeys, store }: SigningKeyRoutesDeps) =>
  defineRoute({
    method: "post",
    path: PATH,
    requires: "deploy",
    summary:
      "Replaces the key that signs an organization's calls to URLs; for 24 hours, the previous one signs them too",
    responses: { 200: json("the new key", signingKeySchema) },
    async handle({ context, parameters: { org }, permissions }) {
      requireOrg(org, store, permissions);
      context.set("Cache-Control", "no-store");
      return { status: 200, body: await signingKeys.rotate(org) };
    },
  });

import { registryHookSchema } from "@faas/core";
import { clientAddress } from "../../audit/client-address.ts";
import type { RegistryHook } from "../../image-follow/registry-hook.ts";
import { readRawBody, unreadBody } from "../drain-body.ts";
import { defineRoute, json, type Route } from "../route.ts";

export interface RegistryHookRoutesDeps {
  readonly registryHook: RegistryHook;
}

/** Largest notification in bytes; a registry can send many events in one. */
const MAX_BYTES = 2 ** 20;

/** Creates the route for notifications of registries. */
export const registryHookRoutes = ({ registryHook }: RegistryHookRoutesDeps): Route[] => [
  defineRoute({
    method: "post",
    path: "/-/hooks/registry",
    // A token or a signature proves the sender.
    requires: "open",
    summary: "Receives a registry's notification that an image was pushed: the tags that endpoints follow are checked",
    requestBody: unreadBody("application/json"),
    responses: { 200: json("the number of followed tags that are checked", registryHookSchema) },
    async handle({ context }) {
      const { req } = context;
      const readBody = () => readRawBody(context, MAX_BYTES);
      const checks = await registryHook.receive(req.headers, clientAddress(req), readBody);
      return { status: 200, body: { checks } };
    },
  }),
];

import { endpointSpec, FaasError, manifestsSchema, type Platform } from "@faas/core";
import { servingRevision } from "../../state/records.ts";
import type { Store } from "../../state/store.ts";
import { requireEndpoint } from "../lookup.ts";
import { defineRoute, json, type Route } from "../route.ts";

export interface ManifestRoutesDeps {
  readonly store: Pick<Store, "org" | "orgs" | "endpoint">;
  readonly platform: Pick<Platform, "name" | "exportObjects">;
}

/** Creates the route for the objects of an endpoint. */
export const manifestRoutes = ({ store, platform }: ManifestRoutesDeps): Route[] => [
  defineRoute({
    method: "get",
    path: "/-/orgs/{org}/endpoints/{endpoint}/manifests",
    requires: "read",
    summary: "Returns the Kubernetes objects that run the serving revision of an endpoint without faas",
    responses: { 200: json("the objects", manifestsSchema) },
    handle({ parameters: ref, permissions }) {
      const revision = servingRevision(requireEndpoint(ref, store, permissions));
      const objects = platform.exportObjects?.(endpointSpec(ref, revision));
      if (objects === undefined)
        throw new FaasError(
          "EXPORT_UNSUPPORTED",
          `The ${platform.name} platform has no Kubernetes objects. Export the settings instead: faas export ${ref.org}/${ref.endpoint} --project`,
        );
      return { status: 200, body: { revision: revision.id, objects } };
    },
  }),
];

import { endpointNameProblem, FaasError, orgNameProblem } from "@faas/core";
import { bundleRoutes } from "./bundle-routes.ts";
import type { Route } from "./control-route.ts";
import { endpointRoutes } from "./endpoint-routes.ts";
import { keyRoutes } from "./key-routes.ts";
import { orgRoutes } from "./org-routes.ts";
import { secretRoutes } from "./secret-routes.ts";
import { serverRoutes } from "./server-routes.ts";

/** The control API, as the router and the OpenAPI document have it. */
export const routes: readonly Route[] = [
  ...serverRoutes,
  ...orgRoutes,
  ...keyRoutes,
  ...secretRoutes,
  ...endpointRoutes,
  ...bundleRoutes,
];

/** Refuses names in paths that can be none. */
export function checkParameters({ org, endpoint }: Readonly<Record<string, string>>): void {
  const problem =
    (org === undefined ? undefined : orgNameProblem(org)) ??
    (endpoint === undefined ? undefined : endpointNameProblem(endpoint));
  if (problem) throw new FaasError("INVALID_NAME", problem);
}

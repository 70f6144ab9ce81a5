import { endpointNameProblem, FaasError, orgNameProblem } from "@faas/core";
import type { Route } from "../route.ts";
import { bundleRoutes } from "./bundles.ts";
import { endpointRoutes } from "./endpoints.ts";
import { keyRoutes } from "./keys.ts";
import { orgRoutes } from "./organizations.ts";
import { secretRoutes } from "./secrets.ts";
import { serverRoutes } from "./server.ts";

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

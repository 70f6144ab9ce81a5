import type { Route } from "../route.ts";
import { type BundleRoutesDeps, bundleRoutes } from "./bundles.ts";
import { type AsyncCallRoutesDeps, asyncCallRoutes } from "./calls/async-calls.ts";
import { type CallRoutesDeps, callRoutes } from "./calls/calls.ts";
import { type CloudEventRoutesDeps, cloudEventRoutes } from "./calls/cloud-events.ts";
import { type HookRoutesDeps, hookRoutes } from "./calls/hooks.ts";
import { type ScheduleRoutesDeps, scheduleRoutes } from "./calls/schedules.ts";
import { type SigningKeyRoutesDeps, signingKeyRoutes } from "./calls/signing-keys.ts";
import { type EndpointRoutesDeps, endpointRoutes } from "./endpoints.ts";
import { type EventRoutesDeps, eventRoutes } from "./events.ts";
import { type KeyRoutesDeps, keyRoutes } from "./keys.ts";
import { type LogRoutesDeps, logRoutes } from "./logs.ts";
import { type ManifestRoutesDeps, manifestRoutes } from "./manifests.ts";
import { type McpRoutesDeps, mcpRoutes } from "./mcp.ts";
import { type OrgRoutesDeps, orgRoutes } from "./organizations.ts";
import { type RegistryHookRoutesDeps, registryHookRoutes } from "./registry-hook.ts";
import { type RevisionRoutesDeps, revisionRoutes } from "./revisions.ts";
import { type SecretRoutesDeps, secretRoutes } from "./secrets.ts";
import { type ServerRoutesDeps, serverRoutes } from "./server.ts";
import { type StatsRoutesDeps, statsRoutes } from "./stats.ts";
import { type TrafficRoutesDeps, trafficRoutes } from "./traffic.ts";

/** Dependencies of all routes. Each factory takes only its own part. */
export type RoutesDeps = ServerRoutesDeps &
  OrgRoutesDeps &
  KeyRoutesDeps &
  SecretRoutesDeps &
  SigningKeyRoutesDeps &
  EndpointRoutesDeps &
  RevisionRoutesDeps &
  ManifestRoutesDeps &
  TrafficRoutesDeps &
  LogRoutesDeps &
  EventRoutesDeps &
  StatsRoutesDeps &
  CallRoutesDeps &
  AsyncCallRoutesDeps &
  HookRoutesDeps &
  CloudEventRoutesDeps &
  McpRoutesDeps &
  ScheduleRoutesDeps &
  RegistryHookRoutesDeps &
  BundleRoutesDeps;

/** Creates the routes of the control API, in the order of the OpenAPI document. */
export const createRoutes = (deps: RoutesDeps): readonly Route[] => [
  ...serverRoutes(deps),
  ...orgRoutes(deps),
  ...keyRoutes(deps),
  ...secretRoutes(deps),
  ...signingKeyRoutes(deps),
  ...endpointRoutes(deps),
  ...revisionRoutes(deps),
  ...manifestRoutes(deps),
  ...trafficRoutes(deps),
  ...logRoutes(deps),
  ...eventRoutes(deps),
  ...statsRoutes(deps),
  ...callRoutes(deps),
  ...asyncCallRoutes(deps),
  ...hookRoutes(deps),
  ...cloudEventRoutes(deps),
  ...mcpRoutes(deps),
  ...scheduleRoutes(deps),
  ...registryHookRoutes(deps),
  ...bundleRoutes(deps),
];

import {
  type Artifact,
  addEndpointSchema,
  artifactSchema,
  type EndpointRef,
  endpointKey,
  endpointListSchema,
  endpointViewSchema,
  parseArtifact,
  parseDuration,
  putEndpointSchema,
  registeredSchema,
  registrationSchema,
  replicaListSchema,
  setSettings,
  settingsViewSchema,
  validate,
  waitTimeoutSchema,
} from "@faas/core";
import type { EndpointRegistry } from "@faas/gateway";
import type { Context } from "koa";
import { z } from "zod";
import { clientAddress } from "../../audit/client-address.ts";
import type { CanaryService } from "../../canary/canary-service.ts";
import type { DeploymentController } from "../../deployments/controller.ts";
import type { FollowService } from "../../image-follow/follow-service.ts";
import { targetRevision } from "../../state/records.ts";
import type { Store } from "../../state/store.ts";
import type { SourceService } from "../../triggers/sources/source-service.ts";
import { waitForVariant } from "../../variants/wait-for-variant.ts";
import { jsonBody } from "../json-body.ts";
import { endpointsOf, requireEndpoint } from "../lookup.ts";
import { originOf } from "../origin.ts";
import type { Permissions } from "../permissions.ts";
import { plan, type RegistrationDeps, type RegistrationRequest, register } from "../registration.ts";
import { defineRoute, json, type Route, stateOf } from "../route.ts";
import { viewEndpoint } from "../views/endpoint.ts";

const DEFAULT_WAIT_MS = 60_000;
const ENDPOINT = "/-/orgs/{org}/endpoints/{endpoint}";

export interface EndpointRoutesDeps extends RegistrationDeps {
  readonly store: Pick<Store, "org" | "orgs" | "endpoint" | "endpoints">;
  readonly endpoints: EndpointRegistry;
  readonly deployments: Pick<DeploymentController, "deploy" | "plan" | "remove" | "waitForRollout">;
  readonly canaries: Pick<CanaryService, "deploy" | "view" | "waitForEnd">;
  readonly sources: Pick<SourceService, "views">;
  readonly imageFollow: Pick<FollowService, "resolve" | "check" | "deploying" | "view">;
  /** Aborted when responses that would never end have to. */
  readonly ending: AbortSignal;
}

/** Creates the routes about endpoints. */
export const endpointRoutes = (deps: EndpointRoutesDeps): Route[] => [
  listEndpoints(deps),
  listOrgEndpoints(deps),
  getEndpoint(deps),
  getSettings(deps),
  putEndpoint(deps),
  deleteEndpoint(deps),
  listReplicas(deps),
  addEndpoint(deps),
];

type ViewDeps = Pick<EndpointRoutesDeps, "store" | "endpoints">;

const listEndpoints = ({ store, endpoints }: ViewDeps) =>
  defineRoute({
    method: "get",
    path: "/-/endpoints",
    requires: "read",
    summary: "Lists the endpoints of all organizations that the key can see",
    responses: { 200: json("the list", endpointListSchema) },
    handle({ context, permissions }) {
      const { org } = permissions;
      const visible = org === undefined ? store.endpoints() : endpointsOf(org, store, permissions);
      const origin = originOf(context);
      return {
        status: 200,
        body: { endpoints: Array.from(visible, ([ref, record]) => viewEndpoint(ref, record, endpoints, origin)) },
      };
    },
  });

const listOrgEndpoints = ({ store, endpoints }: ViewDeps) =>
  defineRoute({
    method: "get",
    path: "/-/orgs/{org}/endpoints",
    requires: "read",
    summary: "Lists the endpoints of an organization",
    responses: { 200: json("the list", endpointListSchema) },
    handle({ context, parameters: { org }, permissions }) {
      const origin = originOf(context);
      const records = endpointsOf(org, store, permissions);
      return {
        status: 200,
        body: { endpoints: Array.from(records, ([ref, record]) => viewEndpoint(ref, record, endpoints, origin)) },
      };
    },
  });

type GetDeps = ViewDeps & WaitDeps & FollowDeps & Pick<EndpointRoutesDeps, "sources">;

const getEndpoint = ({ store, endpoints, canaries, imageFollow, sources, ...deps }: GetDeps) =>
  defineRoute({
    method: "get",
    path: ENDPOINT,
    requires: "read",
    summary: "Shows an endpoint",
    query: {
      wait: z
        .string()
        .describe(
          "a revision: the response is delayed until it is no longer being deployed, nor the revision of a canary",
        ),
      timeout: waitTimeoutSchema.describe(
        "the longest delay, for instance 60s (the default); the response then has the current state",
      ),
    },
    responses: { 200: json("the endpoint", endpointViewSchema) },
    async handle({ context, parameters: ref, permissions }) {
      requireEndpoint(ref, store, permissions);
      await waitFor(context, ref, permissions, { endpoints, canaries, ...deps });
      permissions.requireValidKey();
      const record = requireEndpoint(ref, store, permissions);
      const canary = canaries.view(ref, record);
      const view = viewEndpoint(ref, record, endpoints, originOf(context));
      const follow = imageFollow.view(ref.org, record);
      const states = sources.views(ref);
      const more = { ...(canary && { canary }), ...(follow && { follow }), ...(states && { sources: states }) };
      return { status: 200, body: { ...view, ...more } };
    },
  });

const putEndpoint = (deps: RegistrationDeps) =>
  defineRoute({
    method: "put",
    path: ENDPOINT,
    requires: "deploy",
    summary:
      "Registers an endpoint, deploys a new revision of it or changes its settings; the response is sent when it is on disk",
    requestBody: jsonBody(putEndpointSchema),
    responses: REGISTRATION_RESPONSES,
    handle: ({
      context,
      parameters: ref,
      body: { artifact, source, preview, canary, follow, dryRun, ...change },
      permissions,
    }) => registration(context, { ref, artifact, source, change, preview, canary, follow, dryRun }, permissions, deps),
  });

const getSettings = ({ store }: Pick<ViewDeps, "store">) =>
  defineRoute({
    method: "get",
    path: `${ENDPOINT}/settings`,
    requires: "read",
    summary: "Shows the settings of an endpoint's newest revision, and which of them deployments have named",
    responses: { 200: json("the settings", settingsViewSchema) },
    handle({ parameters: ref, permissions }) {
      const target = targetRevision(requireEndpoint(ref, store, permissions));
      return { status: 200, body: { revision: target.id, settings: target.settings, set: setSettings(target) } };
    },
  });

const deleteEndpoint = ({ store, deployments }: Pick<EndpointRoutesDeps, "store" | "deployments">) =>
  defineRoute({
    method: "delete",
    path: ENDPOINT,
    requires: "deploy",
    summary: "Removes an endpoint, its replicas and its logs",
    responses: { 204: { description: "it is removed" } },
    async handle({ parameters: ref, permissions }) {
      requireEndpoint(ref, store, permissions);
      await deployments.remove(ref);
      return { status: 204 };
    },
  });

const listReplicas = ({ store, endpoints }: ViewDeps) =>
  defineRoute({
    method: "get",
    path: `${ENDPOINT}/replicas`,
    requires: "read",
    summary: "Lists the replicas of an endpoint",
    responses: { 200: json("the list", replicaListSchema) },
    handle({ context, parameters: ref, permissions }) {
      const record = requireEndpoint(ref, store, permissions);
      const { replicas, otherReplicas = [] } = viewEndpoint(ref, record, endpoints, originOf(context));
      return { status: 200, body: { replicas: [...replicas, ...otherReplicas] } };
    },
  });

const addEndpoint = (deps: RegistrationDeps) =>
  defineRoute({
    method: "post",
    path: "/add_endpoint",
    requires: "deploy",
    summary: "Registers an endpoint, as the original system does; settings are additional fields",
    requestBody: jsonBody(addEndpointSchema),
    responses: REGISTRATION_RESPONSES,
    async handle({ context, body: { org, endpoint, image, follow, reset, dryRun, ...settings }, permissions }) {
      const ref = { org, endpoint };
      stateOf(context).target = endpointKey(ref);
      permissions.require(org, "deploy");
      const change = { settings, ...(reset === undefined ? {} : { reset }) };
      return registration(context, { ref, artifact: artifactOf(image), change, follow, dryRun }, permissions, deps);
    },
  });

function artifactOf(image: string): Artifact {
  return (
    parseArtifact(image) ??
    validate(artifactSchema, { kind: "bundle", digest: image.slice("bundle@".length) }, '"image"')
  );
}

const REGISTRATION_RESPONSES = {
  200: json("it existed: its revision is replaced or unchanged; or the changes of a dry run", registrationSchema),
  201: json("it is new", registeredSchema),
};

async function registration(
  context: Context,
  { dryRun, ...request }: Omit<RegistrationRequest, "host" | "from"> & { readonly dryRun: boolean | undefined },
  permissions: Permissions,
  deps: RegistrationDeps,
) {
  const full = { ...request, host: context.host, from: clientAddress(context.req) };
  if (dryRun) {
    stateOf(context).change = { dryRun };
    return { status: 200, body: await plan(full, permissions, deps) } as const;
  }
  const { ref, name, ...outcome } = await register(full, permissions, deps);
  const path = name === undefined ? endpointKey(ref) : `${endpointKey(ref)}@${name}`;
  const body = { ...ref, url: `${originOf(context)}/${path}`, ...outcome };
  return outcome.created ? ({ status: 201, body } as const) : ({ status: 200, body } as const);
}

type FollowDeps = Pick<EndpointRoutesDeps, "imageFollow">;
type WaitDeps = Pick<EndpointRoutesDeps, "deployments" | "canaries" | "endpoints" | "ending">;

async function waitFor(
  context: Context,
  ref: EndpointRef,
  permissions: Permissions,
  { deployments, canaries, endpoints, ending }: WaitDeps,
): Promise<void> {
  const { wait, timeout } = context.query;
  const timeoutMs =
    timeout === undefined
      ? DEFAULT_WAIT_MS
      : (parseDuration(validate(waitTimeoutSchema, String(timeout), "the query")) as number);
  if (typeof wait !== "string") return;
  const disconnected = new AbortController();
  context.res.once("close", () => disconnected.abort());
  const revoked = permissions.signal ? [permissions.signal] : [];
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), disconnected.signal, ending, ...revoked]);
  const rolledOut = deployments.waitForRollout(ref, wait, signal);
  await rolledOut
    .then(() => canaries.waitForEnd(ref, wait, signal))
    .then(() => waitForVariant(ref, wait, endpoints, signal))
    .catch((error) => {
      if (!signal.aborted) throw error;
    });
}

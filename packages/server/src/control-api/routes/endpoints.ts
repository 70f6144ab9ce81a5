import {
  addEndpointSchema,
  artifactSchema,
  type EndpointRef,
  endpointKey,
  FaasError,
  parseArtifact,
  parseDuration,
  putEndpointSchema,
  type Registered,
  type SettingsInput,
  settingsProblem,
  validate,
  withDefaults,
} from "@faas/core";
import type { Context } from "koa";
import type { z } from "zod";
import { bundleNotFound } from "../../bundles/bundle-store.ts";
import type { RequestDeps } from "../app.ts";
import { readJson } from "../json-body.ts";
import { streamLogs } from "../log-stream.ts";
import { endpointsOf, refOf, requireEndpoint } from "../lookup.ts";
import type { Route } from "../route.ts";
import { viewEndpoint } from "../views/endpoint.ts";

const WAIT_MS = 60_000;
const WAIT_MOST_MS = 600_000;
const ENDPOINT = "/-/orgs/{org}/endpoints/{endpoint}";

/** Routes about endpoints. */
export const endpointRoutes: readonly Route[] = [
  {
    method: "get",
    path: "/-/endpoints",
    access: "read",
    summary: "All endpoints of all organizations that one may see",
    answers: { 200: "the list" },
    handle(context, _, deps) {
      const { access, store, endpoints } = deps;
      const all = access.org === undefined ? store.endpoints() : endpointsOf(access.org, deps);
      context.body = {
        endpoints: Array.from(all, ([ref, record]) => viewEndpoint(ref, record, endpoints, originOf(context))),
      };
    },
  },
  {
    method: "get",
    path: "/-/orgs/{org}/endpoints",
    access: "read",
    summary: "The endpoints of an organization",
    answers: { 200: "the list" },
    handle(context, { org = "" }, deps) {
      context.body = {
        endpoints: Array.from(endpointsOf(org, deps), ([ref, record]) =>
          viewEndpoint(ref, record, deps.endpoints, originOf(context)),
        ),
      };
    },
  },
  {
    method: "get",
    path: ENDPOINT,
    access: "read",
    summary: "One endpoint",
    query: {
      wait: "a revision: the answer is held back until it is no longer being deployed",
      timeout: "how long at most, for instance 60s (the default); then the present state is answered",
    },
    answers: { 200: "the endpoint" },
    async handle(context, parameters, deps) {
      const ref = refOf(parameters);
      requireEndpoint(ref, deps);
      await waitFor(context, ref, deps);
      deps.access.requireStill();
      context.body = viewEndpoint(ref, requireEndpoint(ref, deps), deps.endpoints, originOf(context));
    },
  },
  {
    method: "put",
    path: ENDPOINT,
    access: "deploy",
    summary: "Registers an endpoint, or deploys a new revision of it; answered when it is on disk",
    body: putEndpointSchema,
    answers: { 200: "it was there; its revision is changed or the same", 201: "it is new" },
    async handle(context, parameters, deps) {
      const { artifact, settings } = validate(putEndpointSchema, await readJson(context), "the request body");
      await register(context, refOf(parameters), artifact, settings, deps);
    },
  },
  {
    method: "delete",
    path: ENDPOINT,
    access: "deploy",
    summary: "Removes an endpoint, its replicas and its logs",
    answers: { 204: "it is gone" },
    async handle(context, parameters, deps) {
      const ref = refOf(parameters);
      requireEndpoint(ref, deps);
      await deps.deployments.remove(ref);
      context.status = 204;
    },
  },
  {
    method: "get",
    path: `${ENDPOINT}/replicas`,
    access: "read",
    summary: "The replicas of an endpoint",
    answers: { 200: "the list" },
    handle(context, parameters, deps) {
      const ref = refOf(parameters);
      context.body = {
        replicas: viewEndpoint(ref, requireEndpoint(ref, deps), deps.endpoints, originOf(context)).replicas,
      };
    },
  },
  {
    method: "get",
    path: `${ENDPOINT}/logs`,
    access: "read",
    summary: "What the function printed, a JSON object a line (application/x-ndjson)",
    query: {
      follow: "true: goes on with new lines until the client goes away",
      tail: "at most so many past lines",
      since: "a duration back from now, or a time (RFC 3339)",
      replica: "the lines of this replica only",
    },
    answers: { 200: "the lines, oldest first" },
    handle(context, parameters, deps) {
      const ref = refOf(parameters);
      requireEndpoint(ref, deps);
      streamLogs(context, ref, deps);
    },
  },
  {
    method: "post",
    path: "/add_endpoint",
    access: "deploy",
    summary: "Registers an endpoint, as the original system does; settings may stand beside",
    body: addEndpointSchema,
    answers: { 200: "it was there; its revision is changed or the same", 201: "it is new" },
    async handle(context, _, deps) {
      const { org, endpoint, image, ...settings } = validate(
        addEndpointSchema,
        await readJson(context),
        "the request body",
      );
      context.state.target = endpointKey({ org, endpoint });
      deps.access.require(org, "deploy");
      const artifact = parseArtifact(image);
      if (!artifact) validate(artifactSchema, { kind: "bundle", digest: image.slice("bundle@".length) }, '"image"');
      else await register(context, { org, endpoint }, artifact, settings, deps);
    },
  },
];

async function register(
  context: Context,
  ref: EndpointRef,
  artifact: z.infer<typeof artifactSchema>,
  input: SettingsInput,
  deps: RequestDeps,
): Promise<void> {
  const settings = withDefaults(input);
  const problem = settingsProblem(settings);
  if (problem) throw new FaasError("INVALID_REQUEST", problem);
  checkMayUse(artifact, deps);
  const { created, revision, unchanged } = await deps.deployments.deploy(ref, artifact, settings);
  context.status = created ? 201 : 200;
  context.body = { ...ref, url: `${originOf(context)}/${endpointKey(ref)}`, revision, unchanged } satisfies Registered;
}

/**
 * Checks that the caller may use a bundle.
 *
 * @throws BUNDLE_NOT_FOUND
 */
function checkMayUse(artifact: z.infer<typeof artifactSchema>, { access, grants, platform }: RequestDeps): void {
  if (artifact.kind !== "bundle" || platform.accepts !== "bundle") return;
  if (access.org !== undefined && !grants.has(access.org, artifact.digest)) throw bundleNotFound(artifact.digest);
}

async function waitFor(context: Context, ref: EndpointRef, deps: RequestDeps): Promise<void> {
  const { wait, timeout } = context.query;
  if (typeof wait !== "string") return;
  const timeoutMs = timeout === undefined ? WAIT_MS : parseDuration(String(timeout));
  if (timeoutMs === undefined || timeoutMs > WAIT_MOST_MS) {
    throw new FaasError("INVALID_REQUEST", `Expected "timeout" to be a duration of at most 10m, got "${timeout}"`);
  }
  const gone = new AbortController();
  const revoked = deps.access.signal ? [deps.access.signal] : [];
  context.res.once("close", () => gone.abort());
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), gone.signal, deps.ending, ...revoked]);
  await deps.deployments.waitForRollout(ref, wait, signal).catch((error) => {
    if (!signal.aborted) throw error;
  });
}

/** Where the client reached the server. What ends TLS before us says so; who lies to us here misleads himself alone. */
function originOf(context: Context): string {
  const forwarded = context.get("x-forwarded-proto").toLowerCase();
  return `${forwarded === "https" || forwarded === "http" ? forwarded : context.protocol}://${context.host}`;
}

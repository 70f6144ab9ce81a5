import {
  addEndpointSchema,
  artifactSchema,
  bundleDigestSchema,
  type EndpointRef,
  endpointKey,
  endpointNameProblem,
  FaasError,
  nearest,
  type OrgView,
  orgNameProblem,
  parseArtifact,
  parseDuration,
  putEndpointSchema,
  putOrgSchema,
  type Registered,
  registryCredentialsSchema,
  type SettingsInput,
  settingsProblem,
  validate,
  withDefaults,
} from "@faas/core";
import type { Context } from "koa";
import type { z } from "zod";
import type { AppDeps } from "./app.ts";
import { bodyOf } from "./control-body.ts";
import { readJson } from "./json-body.ts";
import { streamLogs } from "./log-stream.ts";
import { viewEndpoint } from "./views.ts";

/** One route of the control API: the router and the OpenAPI document are both made from this. */
export interface Route {
  readonly method: "get" | "head" | "put" | "post" | "delete";
  /** As OpenAPI writes it: `{name}` is a parameter. */
  readonly path: string;
  readonly summary: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType | "application/x-tar";
  /** Status to meaning; problems need not be listed. */
  readonly answers: Readonly<Record<number, string>>;
  readonly handle: (
    context: Context,
    parameters: Readonly<Record<string, string>>,
    deps: AppDeps,
  ) => Promise<void> | void;
}

const WAIT_MS = 60_000;
const WAIT_MOST_MS = 600_000;
const ENDPOINT = "/-/orgs/{org}/endpoints/{endpoint}";

export const routes: readonly Route[] = [
  {
    method: "get",
    path: "/-/healthz",
    summary: "The server's process lives",
    answers: { 200: "it does" },
    handle(context) {
      context.body = { status: "ok" };
    },
  },
  {
    method: "get",
    path: "/-/readyz",
    summary: "The server takes requests",
    answers: { 200: "it does", 503: "it is stopping, or has not reached its cluster yet" },
    handle(context, _, deps) {
      if (deps.stopping()) throw new FaasError("SERVER_STOPPING", "The server is stopping");
      if (deps.platform.notReady) throw deps.platform.notReady;
      context.body = { status: "ready" };
    },
  },
  {
    method: "get",
    path: "/-/config",
    summary: "What a client has to know of the server",
    answers: { 200: "version, platform, what it accepts, limits" },
    handle(context, _, deps) {
      context.body = deps.config;
    },
  },
  {
    method: "get",
    path: "/-/metrics",
    summary: "Metrics in Prometheus' text format",
    answers: { 200: "the metrics" },
    async handle(context, _, deps) {
      context.body = await deps.metrics.registry.metrics();
      context.type = deps.metrics.registry.contentType;
    },
  },
  {
    method: "get",
    path: "/-/openapi.json",
    summary: "This API as an OpenAPI 3.1 document",
    answers: { 200: "the document" },
    handle(context, _, deps) {
      context.body = deps.openapi();
    },
  },
  {
    method: "get",
    path: "/-/orgs",
    summary: "All organizations",
    answers: { 200: "the list" },
    handle(context, _, { store }) {
      context.body = { orgs: Array.from(store.orgs(), (org) => viewOrg(org, store)) };
    },
  },
  {
    method: "get",
    path: "/-/orgs/{org}",
    summary: "One organization",
    answers: { 200: "the organization" },
    handle(context, { org = "" }, deps) {
      requireOrg(org, deps);
      context.body = viewOrg(org, deps.store);
    },
  },
  {
    method: "put",
    path: "/-/orgs/{org}",
    summary: "Makes an organization, or changes its quota; one comes into being with its first endpoint too",
    body: putOrgSchema,
    answers: { 200: "it was there", 201: "it is new" },
    async handle(context, { org = "" }, { store, deployments }) {
      const hasBody = context.get("content-type") !== "" || (context.request.length ?? 0) > 0;
      const { quota } = hasBody ? validate(putOrgSchema, await readJson(context), "the request body") : {};
      const known = store.hasOrg(org);
      await deployments.applyOrg(org, quota);
      await store.putOrg(org, quota);
      context.status = known ? 200 : 201;
      context.body = viewOrg(org, store);
    },
  },
  {
    method: "delete",
    path: "/-/orgs/{org}",
    summary: "Removes an organization with all that it has",
    answers: { 204: "it is gone" },
    async handle(context, { org = "" }, deps) {
      requireOrg(org, deps);
      await deps.deployments.removeOrg(org);
      context.status = 204;
    },
  },
  {
    method: "put",
    path: "/-/orgs/{org}/registry-credentials",
    summary: "Keeps what the nodes need to pull the organization's images; not in the state file",
    body: registryCredentialsSchema,
    answers: { 204: "they are kept" },
    async handle(context, { org = "" }, { deployments, platform, store }) {
      const { dockerConfigJson } = validate(registryCredentialsSchema, await readJson(context), "the request body");
      if (!platform.registryLogin)
        throw new FaasError("CAPABILITY_MISSING", `The ${platform.name} platform pulls no images, and needs no login`);
      await deployments.applyOrg(org);
      await store.putOrg(org);
      await platform.registryLogin(org, dockerConfigJson);
      context.status = 204;
    },
  },
  {
    method: "get",
    path: "/-/endpoints",
    summary: "All endpoints of all organizations",
    answers: { 200: "the list" },
    handle(context, _, { store, endpoints }) {
      context.body = {
        endpoints: Array.from(store.endpoints(), ([ref, record]) =>
          viewEndpoint(ref, record, endpoints, originOf(context)),
        ),
      };
    },
  },
  {
    method: "get",
    path: "/-/orgs/{org}/endpoints",
    summary: "The endpoints of an organization",
    answers: { 200: "the list" },
    handle(context, { org = "" }, deps) {
      const { endpoints } = requireOrg(org, deps);
      context.body = {
        endpoints: Array.from(endpoints, ([endpoint, record]) =>
          viewEndpoint({ org, endpoint }, record, deps.endpoints, originOf(context)),
        ),
      };
    },
  },
  {
    method: "get",
    path: ENDPOINT,
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
      context.body = viewEndpoint(ref, requireEndpoint(ref, deps), deps.endpoints, originOf(context));
    },
  },
  {
    method: "put",
    path: ENDPOINT,
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
    method: "head",
    path: "/-/bundles/{digest}",
    summary: "Does the server have the bundle?",
    answers: { 200: "yes", 404: "no" },
    async handle(context, { digest = "" }, { bundles }) {
      const known = await bundles.has(validate(bundleDigestSchema, digest, "the path"));
      // Koa takes an empty body for a 204 unless the status comes after it.
      context.body = null;
      context.status = known ? 200 : 404;
    },
  },
  {
    method: "put",
    path: "/-/bundles/{digest}",
    summary: "Uploads a bundle: a tar whose SHA-256 is the digest",
    body: "application/x-tar",
    answers: { 200: "it was there", 201: "it is new" },
    async handle(context, { digest = "" }, { bundles }) {
      const wanted = validate(bundleDigestSchema, digest, "the path");
      const isNew = await bundles.put(wanted, bodyOf(context.req), context.request.length);
      context.status = isNew ? 201 : 200;
      context.body = { digest };
    },
  },
  {
    method: "post",
    path: "/add_endpoint",
    summary: "Registers an endpoint, as the original system does; settings may stand beside",
    body: addEndpointSchema,
    answers: { 200: "it was there; its revision is changed or the same", 201: "it is new" },
    async handle(context, _, deps) {
      const { org, endpoint, image, ...settings } = validate(
        addEndpointSchema,
        await readJson(context),
        "the request body",
      );
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
  deps: AppDeps,
): Promise<void> {
  const settings = withDefaults(input);
  const problem = settingsProblem(settings);
  if (problem) throw new FaasError("INVALID_REQUEST", problem);
  const { created, revision, unchanged } = await deps.deployments.deploy(ref, artifact, settings);
  context.status = created ? 201 : 200;
  context.body = { ...ref, url: `${originOf(context)}/${endpointKey(ref)}`, revision, unchanged } satisfies Registered;
}

async function waitFor(context: Context, ref: EndpointRef, deps: AppDeps): Promise<void> {
  const { wait, timeout } = context.query;
  if (typeof wait !== "string") return;
  const timeoutMs = timeout === undefined ? WAIT_MS : parseDuration(String(timeout));
  if (timeoutMs === undefined || timeoutMs > WAIT_MOST_MS) {
    throw new FaasError("INVALID_REQUEST", `Expected "timeout" to be a duration of at most 10m, got "${timeout}"`);
  }
  const gone = new AbortController();
  context.res.once("close", () => gone.abort());
  const signal = AbortSignal.any([AbortSignal.timeout(timeoutMs), gone.signal, deps.ending]);
  await deps.deployments.settled(ref, wait, signal).catch((error) => {
    if (!signal.aborted) throw error;
  });
}

function viewOrg(org: string, store: AppDeps["store"]): OrgView {
  const { createdAt = "", endpoints = new Map(), quota } = store.org(org) ?? {};
  return { org, createdAt, ...(quota === undefined ? {} : { quota }), endpoints: [...endpoints.keys()] };
}

/** Where the client reached the server. */
const originOf = (context: Context) => `http://${context.host}`;

const refOf = ({ org = "", endpoint = "" }: Readonly<Record<string, string>>): EndpointRef => ({ org, endpoint });

function requireOrg(org: string, { store }: AppDeps) {
  const record = store.org(org);
  if (record) return record;
  const suggestion = nearest(org, store.orgs());
  throw new FaasError(
    "ORG_NOT_FOUND",
    `There is no organization "${org}"`,
    suggestion ? { extensions: { suggestion } } : {},
  );
}

function requireEndpoint(ref: EndpointRef, deps: AppDeps) {
  const { endpoints } = requireOrg(ref.org, deps);
  const record = deps.store.endpoint(ref);
  if (record) return record;
  const near = nearest(ref.endpoint, endpoints.keys());
  throw new FaasError(
    "ENDPOINT_NOT_FOUND",
    `There is no endpoint "${endpointKey(ref)}"`,
    near ? { extensions: { suggestion: `${ref.org}/${near}` } } : {},
  );
}

/** Refuses names in paths that can be none. */
export function checkParameters({ org, endpoint }: Readonly<Record<string, string>>): void {
  const problem =
    (org === undefined ? undefined : orgNameProblem(org)) ??
    (endpoint === undefined ? undefined : endpointNameProblem(endpoint));
  if (problem) throw new FaasError("INVALID_NAME", problem);
}

import { Readable } from "node:stream";
import {
  addEndpointSchema,
  artifactSchema,
  bundleDigestSchema,
  changedLimits,
  type EndpointRef,
  endpointKey,
  endpointNameProblem,
  FaasError,
  limitsProblem,
  nearest,
  orgNameProblem,
  parseArtifact,
  parseDuration,
  postAdminKeySchema,
  postOrgKeySchema,
  putEndpointSchema,
  putOrgSchema,
  putSecretSchema,
  type Registered,
  registryCredentialsSchema,
  type SettingsInput,
  secretNameProblem,
  settingsProblem,
  validate,
  type Whoami,
  withDefaults,
} from "@faas/core";
import type { Context } from "koa";
import type { z } from "zod";
import { noSuchOrg } from "./access.ts";
import { checkImage } from "./allowed-images.ts";
import type { RequestDeps } from "./app.ts";
import { bundleNotFound } from "./bundles.ts";
import { bodyOf } from "./control-body.ts";
import { readJson } from "./json-body.ts";
import { type KeyInput, viewOf } from "./keys.ts";
import { streamLogs } from "./log-stream.ts";
import { metricsOf } from "./org-metrics.ts";
import { viewOrg, viewOrgDetails } from "./org-view.ts";
import { readSecretValue } from "./secret-body.ts";
import type { EndpointRecord } from "./store.ts";
import { viewEndpoint } from "./views.ts";

/** One route of the control API: the router and the OpenAPI document are both made from this. */
export interface Route {
  readonly method: "get" | "head" | "put" | "post" | "delete";
  /** As OpenAPI writes it: `{name}` is a parameter. */
  readonly path: string;
  readonly summary: string;
  /**
   * Where keys are required, which is needed. `open`: none. `key`: any; the handler looks what it may. Otherwise the scope; of another organization than
   * the key's there is nothing.
   */
  readonly access: "open" | "key" | "admin" | "deploy" | "read";
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType | "application/x-tar";
  /** Status to meaning; problems need not be listed. */
  readonly answers: Readonly<Record<number, string>>;
  readonly handle: (
    context: Context,
    parameters: Readonly<Record<string, string>>,
    deps: RequestDeps,
  ) => Promise<void> | void;
}

const WAIT_MS = 60_000;
const WAIT_MOST_MS = 600_000;
const ENDPOINT = "/-/orgs/{org}/endpoints/{endpoint}";

export const routes: readonly Route[] = [
  {
    method: "get",
    path: "/-/healthz",
    access: "open",
    summary: "The server's process lives",
    answers: { 200: "it does" },
    handle(context) {
      context.body = { status: "ok" };
    },
  },
  {
    method: "get",
    path: "/-/readyz",
    access: "open",
    summary: "The server takes requests",
    answers: { 200: "it does", 503: "it is stopping, or has not reached its cluster yet" },
    handle(context, _, deps) {
      if (deps.stopping()) throw new FaasError("SERVER_STOPPING", "The server is stopping");
      const { notReady } = deps.platform;
      // Where keys are required, who has none learns nothing of the cluster.
      if (notReady && deps.isAuth)
        throw new FaasError(notReady.code, "The server has not reached its cluster yet; its log says why");
      if (notReady) throw notReady;
      context.body = { status: "ready" };
    },
  },
  {
    method: "get",
    path: "/-/config",
    access: "key",
    summary: "What a client has to know of the server",
    answers: { 200: "version, platform, what it accepts, limits" },
    handle(context, _, deps) {
      context.body = deps.config;
    },
  },
  {
    method: "get",
    path: "/-/metrics",
    access: "read",
    summary: "Metrics in Prometheus' text format; with a key of an organization, its own",
    answers: { 200: "the metrics" },
    async handle(context, _, deps) {
      const text = await deps.metrics.text();
      const { org } = deps.access;
      context.body = org === undefined ? text : metricsOf(org, text);
      context.type = deps.metrics.contentType;
    },
  },
  {
    method: "get",
    path: "/-/openapi.json",
    access: "key",
    summary: "This API as an OpenAPI 3.1 document",
    answers: { 200: "the document" },
    handle(context, _, deps) {
      context.body = deps.openapi();
    },
  },
  {
    method: "get",
    path: "/-/orgs",
    access: "read",
    summary: "All organizations that one may see",
    answers: { 200: "the list" },
    handle(context, _, { store, access, defaultLimits }) {
      context.body = {
        orgs: [...store.orgs()].filter((org) => access.sees(org)).map((org) => viewOrg(org, store, defaultLimits)),
      };
    },
  },
  {
    method: "get",
    path: "/-/orgs/{org}",
    access: "read",
    summary: "One organization: its limits, and what it takes of them now",
    answers: { 200: "the organization" },
    async handle(context, { org = "" }, deps) {
      requireOrg(org, deps);
      context.body = await viewOrgDetails(org, deps);
    },
  },
  {
    method: "put",
    path: "/-/orgs/{org}",
    access: "admin",
    summary: "Makes an organization, or changes its limits; one comes into being with its first endpoint too",
    body: putOrgSchema,
    answers: { 200: "it was there", 201: "it is new" },
    async handle(context, { org = "" }, deps) {
      const { store, deployments, endpoints } = deps;
      const hasBody = context.get("content-type") !== "" || (context.request.length ?? 0) > 0;
      const { limits: change = {} } = hasBody
        ? validate(putOrgSchema, await readJson(context), "the request body")
        : {};
      const known = store.hasOrg(org);
      const former = store.org(org)?.limits ?? {};
      const limits = changedLimits(former, change);
      const problem = limitsProblem(change, limits);
      if (problem) throw new FaasError("INVALID_REQUEST", `In the request body: ${problem}`);
      if (Object.keys(change).length > 0) context.state.change = { limits: { from: former, to: limits } };
      await deployments.applyOrg(org, limits);
      await store.putOrg(org, change);
      endpoints.limitsChanged(org);
      context.status = known ? 200 : 201;
      context.body = await viewOrgDetails(org, deps);
    },
  },
  {
    method: "delete",
    path: "/-/orgs/{org}",
    access: "admin",
    summary: "Removes an organization with all that it has",
    answers: { 204: "it is gone" },
    async handle(context, { org = "" }, deps) {
      requireOrg(org, deps);
      await deps.deployments.removeOrg(org);
      deps.keys.dropGone();
      deps.grants.forget(org);
      context.status = 204;
    },
  },
  {
    method: "get",
    path: "/-/orgs/{org}/keys",
    access: "admin",
    summary: "The keys of an organization, without their tokens",
    answers: { 200: "the list" },
    handle(context, { org = "" }, deps) {
      requireOrg(org, deps);
      context.body = { keys: deps.keys.list(org) };
    },
  },
  {
    method: "post",
    path: "/-/orgs/{org}/keys",
    access: "admin",
    summary: "Makes a key for an organization; its token is shown this once",
    body: postOrgKeySchema,
    answers: { 201: "the key, with its token" },
    async handle(context, { org = "" }, deps) {
      const input = validate(postOrgKeySchema, await readJson(context), "the request body");
      requireOrg(org, deps);
      await makeKey(context, { ...input, org }, deps);
    },
  },
  {
    method: "delete",
    path: "/-/orgs/{org}/keys/{key}",
    access: "admin",
    summary: "Revokes a key: from the next request on it is refused",
    answers: { 204: "it is gone" },
    async handle(context, { org = "", key = "" }, deps) {
      requireOrg(org, deps);
      await deps.keys.revoke(org, key);
      context.status = 204;
    },
  },
  {
    method: "get",
    path: "/-/keys",
    access: "admin",
    summary: "The keys that may administer the whole server, without their tokens",
    answers: { 200: "the list" },
    handle(context, _, { keys }) {
      context.body = { keys: keys.list(undefined) };
    },
  },
  {
    method: "post",
    path: "/-/keys",
    access: "admin",
    summary: "Makes a key that may administer the whole server; its token is shown this once",
    body: postAdminKeySchema,
    answers: { 201: "the key, with its token" },
    async handle(context, _, deps) {
      const input = validate(postAdminKeySchema, await readJson(context), "the request body");
      await makeKey(context, { ...input, scope: "admin" }, deps);
    },
  },
  {
    method: "delete",
    path: "/-/keys/{key}",
    access: "admin",
    summary: "Revokes an admin key: from the next request on it is refused",
    answers: { 204: "it is gone" },
    async handle(context, { key = "" }, { keys }) {
      await keys.revoke(undefined, key);
      context.status = 204;
    },
  },
  {
    method: "get",
    path: "/-/whoami",
    access: "key",
    summary: "Which key the request has",
    answers: { 200: "the key, without its token; or that the server wants none" },
    handle(context, _, { access: { key } }) {
      context.body = (key ? { auth: "key", ...viewOf(key) } : { auth: "open" }) satisfies Whoami;
    },
  },
  {
    method: "get",
    path: "/-/audit",
    access: "admin",
    summary: "Who changed what, and who was refused: a JSON object a line (application/x-ndjson)",
    answers: { 200: "the lines, oldest first" },
    handle(context, _, { audit }) {
      context.body = Readable.from(audit.read());
      context.type = "application/x-ndjson";
    },
  },
  {
    method: "put",
    path: "/-/orgs/{org}/registry-credentials",
    access: "deploy",
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
    method: "head",
    path: "/-/bundles/{digest}",
    access: "deploy",
    summary: "Does the server have the bundle? With a key of an organization: from it",
    answers: { 200: "yes", 404: "no" },
    async handle(context, { digest = "" }, { bundles, grants, access }) {
      const wanted = validate(bundleDigestSchema, digest, "the path");
      const known = (access.org === undefined || grants.has(access.org, wanted)) && (await bundles.has(wanted));
      // Koa takes an empty body for a 204 unless the status comes after it.
      context.body = null;
      context.status = known ? 200 : 404;
    },
  },
  {
    method: "put",
    path: "/-/bundles/{digest}",
    access: "deploy",
    summary: "Uploads a bundle: a tar whose SHA-256 is the digest",
    body: "application/x-tar",
    query: { org: "whose limit of stored bytes counts, where the key names none" },
    answers: { 200: "it was there", 201: "it is new" },
    async handle(context, { digest = "" }, { bundles, grants, bundleRoom, access }) {
      const wanted = validate(bundleDigestSchema, digest, "the path");
      // That another organization has it already does not show.
      const unproven = access.org !== undefined && !grants.has(access.org, wanted);
      const org = access.org ?? queriedOrg(context);
      if (access.org !== undefined) access.require(queriedOrg(context) ?? access.org, "deploy");
      const { length } = context.request;
      const room = org === undefined ? undefined : await bundleRoom.reserve(org, wanted, length);
      let isNew: boolean;
      try {
        isNew = await bundles.put(wanted, bodyOf(context.req), {
          unproven,
          ...(length === undefined ? {} : { length }),
          ...(room === undefined ? {} : { room }),
        });
        if (org !== undefined) grants.grant(org, wanted);
      } finally {
        room?.release();
      }
      context.status = isNew || unproven ? 201 : 200;
      context.body = { digest };
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
  checkMayUse(artifact, ref.org, deps);
  const { created, revision, unchanged } = await deps.deployments.deploy(ref, artifact, settings);
  context.status = created ? 201 : 200;
  context.body = { ...ref, url: `${originOf(context)}/${endpointKey(ref)}`, revision, unchanged } satisfies Registered;
}

function checkSecretName(name: string): void {
  const problem = secretNameProblem(name);
  if (problem) throw new FaasError("INVALID_NAME", problem);
}

async function makeKey(context: Context, input: KeyInput, { keys }: RequestDeps): Promise<void> {
  const made = await keys.create(input);
  context.state.target = [...(made.org === undefined ? [] : [made.org]), made.id].join("/");
  context.set("Cache-Control", "no-store");
  context.status = 201;
  context.body = made;
}

/** BUNDLE_NOT_FOUND, IMAGE_NOT_ALLOWED. */
function checkMayUse(artifact: z.infer<typeof artifactSchema>, org: string, deps: RequestDeps): void {
  const { access, grants, platform, allowedImages } = deps;
  if (artifact.kind === "image") {
    // Where none run, that is what there is to say.
    if (platform.accepts === "image") checkImage(artifact.reference, org, allowedImages);
  } else if (platform.accepts === "bundle" && access.org !== undefined && !grants.has(access.org, artifact.digest))
    throw bundleNotFound(artifact.digest);
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
  await deps.deployments.settled(ref, wait, signal).catch((error) => {
    if (!signal.aborted) throw error;
  });
}

function queriedOrg(context: Context): string | undefined {
  const { org } = context.query;
  if (org === undefined) return undefined;
  const problem = typeof org === "string" ? orgNameProblem(org) : 'Expected one "org"';
  if (problem) throw new FaasError("INVALID_NAME", problem);
  return org as string;
}

/** Where the client reached the server. What ends TLS before us says so; who lies to us here misleads himself alone. */
function originOf(context: Context): string {
  const forwarded = context.get("x-forwarded-proto").toLowerCase();
  return `${forwarded === "https" || forwarded === "http" ? forwarded : context.protocol}://${context.host}`;
}

const refOf = ({ org = "", endpoint = "" }: Readonly<Record<string, string>>): EndpointRef => ({ org, endpoint });

function* endpointsOf(org: string, deps: RequestDeps): Generator<[EndpointRef, EndpointRecord]> {
  for (const [endpoint, record] of requireOrg(org, deps).endpoints) yield [{ org, endpoint }, record];
}

function requireOrg(org: string, { store, access }: RequestDeps) {
  const record = store.org(org);
  if (record) return record;
  const visible = [...store.orgs()].filter((each) => access.sees(each));
  throw noSuchOrg(org, nearest(org, visible));
}

function requireEndpoint(ref: EndpointRef, deps: RequestDeps) {
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

import type { Readable } from "node:stream";
import {
  type EndpointRef,
  type EndpointView,
  endpointListSchema,
  endpointViewSchema,
  FaasError,
  type KeyView,
  keyListSchema,
  type LogLine,
  logLineSchema,
  type NewKeyView,
  newKeyViewSchema,
  type OrgDetails,
  type OrgView,
  orgDetailsSchema,
  orgListSchema,
  type Planned,
  type PostAdminKey,
  type PostOrgKey,
  type PutEndpoint,
  type PutOrg,
  parseResponse,
  plannedSchema,
  type Registered,
  type ResponseSchema,
  registeredSchema,
  type SecretSet,
  type SecretView,
  type ServerConfig,
  type ServerStatus,
  type SettingsView,
  type Stats,
  secretListSchema,
  secretSetSchema,
  serverConfigSchema,
  serverStatusSchema,
  settingsViewSchema,
  statsSchema,
  type Whoami,
  whoamiSchema,
} from "@faas/core";
import { type HttpResponse, HttpTransport } from "./http-transport.ts";
import { problemError } from "./problem-error.ts";
import { trustProblem } from "./trust.ts";

/** Codes of Node for requests that cannot be sent. */
const INVALID_REQUEST: ReadonlySet<string> = new Set([
  "ERR_HTTP_INVALID_HEADER_VALUE",
  "ERR_INVALID_ARG_TYPE",
  "ERR_INVALID_CHAR",
  "ERR_INVALID_HTTP_TOKEN",
  "ERR_UNESCAPED_CHARACTERS",
]);
const ADDRESS_HINT = "check the address: --server URL, FAAS_SERVER, or server in faas.json";

export interface CallOptions {
  readonly method: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: Buffer | Readable | string | null;
}

/**
 * Client of the control API and the gateway.
 *
 * @throws FaasError with the code of the server's problem document
 * @throws SERVER_UNREACHABLE
 * @throws SERVER_INCOMPATIBLE
 */
export class Client {
  readonly url: string;
  readonly #signal: AbortSignal;
  readonly #token: string | undefined;
  /** Certificate authorities of the server, PEM; Node's own when undefined. */
  readonly ca: string | undefined;
  readonly #transport: HttpTransport;
  #traceHeaders: () => Record<string, string> = () => ({});

  constructor(url: string, signal: AbortSignal, token?: string, ca?: string) {
    this.url = url;
    this.#signal = signal;
    this.#token = token;
    this.ca = ca;
    // Only connecting has a timeout here: the server limits the duration of calls and deployments.
    this.#transport = new HttpTransport(ca);
  }

  /** True when requests carry a key. */
  get hasKey(): boolean {
    return this.#token !== undefined;
  }

  /** Returns a client for the same server that another signal aborts. */
  withSignal(signal: AbortSignal): Client {
    return new Client(this.url, signal, this.#token, this.ca);
  }

  /** Returns a client for the same server whose requests belong to a trace. */
  withTraceparent(traceparent: () => string): Client {
    const client = this.withSignal(this.#signal);
    client.#traceHeaders = () => ({ traceparent: traceparent() });
    return client;
  }

  config(): Promise<ServerConfig> {
    return this.json(serverConfigSchema, "GET", "/-/config");
  }

  status(): Promise<ServerStatus> {
    return this.json(serverStatusSchema, "GET", "/-/status");
  }

  whoami(): Promise<Whoami> {
    return this.json(whoamiSchema, "GET", "/-/whoami");
  }

  /** Lists the organizations that the key can see. */
  async orgs(): Promise<readonly OrgView[]> {
    return (await this.json(orgListSchema, "GET", "/-/orgs")).orgs;
  }

  org(org: string): Promise<OrgDetails> {
    return this.json(orgDetailsSchema, "GET", orgPath(org));
  }

  putOrg(org: string, body?: PutOrg): Promise<OrgDetails> {
    return this.json(orgDetailsSchema, "PUT", orgPath(org), body);
  }

  /** Lists the keys of an organization, or of the whole server without one. */
  async keys(org: string | undefined): Promise<readonly KeyView[]> {
    return (await this.json(keyListSchema, "GET", keysPath(org))).keys;
  }

  createKey(org: string, body: PostOrgKey): Promise<NewKeyView> {
    return this.json(newKeyViewSchema, "POST", keysPath(org), body);
  }

  createAdminKey(body: PostAdminKey): Promise<NewKeyView> {
    return this.json(newKeyViewSchema, "POST", keysPath(undefined), body);
  }

  revokeKey(org: string | undefined, id: string): Promise<void> {
    return this.delete(`${keysPath(org)}/${encodeURIComponent(id)}`);
  }

  async endpoints(org?: string): Promise<readonly EndpointView[]> {
    const path = org === undefined ? "/-/endpoints" : `/-/orgs/${encodeURIComponent(org)}/endpoints`;
    return (await this.json(endpointListSchema, "GET", path)).endpoints;
  }

  endpoint(ref: EndpointRef): Promise<EndpointView> {
    return this.json(endpointViewSchema, "GET", pathOf(ref));
  }

  /** Waits until the revision serves, has failed, or was replaced by a newer one. */
  async waitForRollout(ref: EndpointRef, revision: string): Promise<EndpointView> {
    for (;;) {
      const view = await this.json(endpointViewSchema, "GET", `${pathOf(ref)}?wait=${revision}&timeout=60s`);
      if (view.phase !== "deploying" || (view.deploying ?? view.revision) !== revision) return view;
    }
  }

  /** Returns the settings of the newest revision. */
  settings(ref: EndpointRef): Promise<SettingsView> {
    return this.json(settingsViewSchema, "GET", `${pathOf(ref)}/settings`);
  }

  /** Returns what {@link putEndpoint} would change. */
  planEndpoint(ref: EndpointRef, body: PutEndpoint): Promise<Planned> {
    return this.json(plannedSchema, "PUT", pathOf(ref), { ...body, dryRun: true });
  }

  putEndpoint(ref: EndpointRef, body: PutEndpoint): Promise<Registered> {
    return this.json(registeredSchema, "PUT", pathOf(ref), body);
  }

  removeEndpoint(ref: EndpointRef): Promise<void> {
    return this.delete(pathOf(ref));
  }

  removeOrg(org: string): Promise<void> {
    return this.delete(`/-/orgs/${encodeURIComponent(org)}`);
  }

  /** Reads the figures of recent calls. */
  stats(org: string | undefined, since: string): Promise<Stats> {
    const path = org === undefined ? "/-/stats" : `/-/orgs/${encodeURIComponent(org)}/stats`;
    return this.json(statsSchema, "GET", `${path}?${new URLSearchParams({ since })}`);
  }

  /** Sets the credentials that the nodes pull images with; `dockerConfigJson` is the text of a Docker `config.json`. */
  async putRegistryCredentials(org: string, dockerConfigJson: string): Promise<void> {
    await this.#send("PUT", `/-/orgs/${encodeURIComponent(org)}/registry-credentials`, { dockerConfigJson });
  }

  async secrets(org: string): Promise<readonly SecretView[]> {
    return (await this.json(secretListSchema, "GET", secretPath(org))).secrets;
  }

  putSecret(org: string, name: string, value: string): Promise<SecretSet> {
    return this.json(secretSetSchema, "PUT", secretPath(org, name), { value });
  }

  removeSecret(org: string, name: string): Promise<void> {
    return this.delete(secretPath(org, name));
  }

  async hasBundle(digest: string): Promise<boolean> {
    const { statusCode, body } = await this.call(`/-/bundles/${digest}`, { method: "HEAD" });
    body.resume();
    if (statusCode === 403) throw new FaasError("FORBIDDEN", "Expected a key with the scope deploy");
    return statusCode === 200;
  }

  /** Uploads a bundle; its bytes count towards the limit of the organization. */
  async putBundle(org: string, digest: string, tar: Readable, sizeBytes: number): Promise<void> {
    const headers = { "Content-Type": "application/x-tar", "Content-Length": String(sizeBytes) };
    await this.#unwrap(
      await this.call(`/-/bundles/${digest}?org=${encodeURIComponent(org)}`, { method: "PUT", headers, body: tar }),
    );
  }

  /** Reads the lines of an endpoint's log that meet the query. */
  async *logs(ref: EndpointRef, query: Readonly<Record<string, string>>): AsyncGenerator<LogLine> {
    const body = await this.stream(`${pathOf(ref)}/logs?${new URLSearchParams(query)}`);
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.read(body)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) yield parseResponse(logLineSchema, JSON.parse(line), `GET ${pathOf(ref)}/logs`);
    }
  }

  /**
   * Streams the body of a response.
   *
   * @throws ANSWER_INCOMPLETE when the connection is lost before its end
   */
  async *read(body: Readable): AsyncGenerator<Buffer> {
    let bytes = 0;
    try {
      for await (const chunk of body) {
        bytes += chunk.length;
        yield chunk;
      }
    } catch (cause) {
      if (this.#signal.aborted) throw cause;
      throw new FaasError("ANSWER_INCOMPLETE", `The connection was lost after ${bytes} bytes of the response`, {
        cause,
      });
    }
  }

  /** Sends any request; returns the response with its body as a stream, whatever its status. */
  async call(path: string, { method, headers, body }: CallOptions): Promise<HttpResponse> {
    try {
      const response = await this.#transport.send(this.url + path, {
        method,
        headers: { ...this.keyHeaders(headers), ...this.#traceHeaders(), ...headers },
        ...(body === undefined ? {} : { body }),
        signal: this.#signal,
      });
      if (response.statusCode === 400 && String(response.headers.upgrade).startsWith("TLS/")) {
        response.body.resume();
        throw new FaasError("TLS_REQUIRED", `${this.url} expects HTTPS, got HTTP`, {
          extensions: { hint: `use ${this.url.replace("http:", "https:")}` },
        });
      }
      return response;
    } catch (error) {
      throw this.#describeFailure(error as Error & { code?: string });
    }
  }

  /** Returns the header with the key: `x-faas-token` when `authorization` is for the function, and none when the caller sets `x-faas-token`. */
  keyHeaders(others: Readonly<Record<string, unknown>> = {}): Record<string, string> {
    if (this.#token === undefined || "x-faas-token" in others) return {};
    return "authorization" in others ? { "x-faas-token": this.#token } : { authorization: `Bearer ${this.#token}` };
  }

  async delete(path: string): Promise<void> {
    await this.#send("DELETE", path);
  }

  /** Sends a request and parses the response. */
  async json<Schema extends ResponseSchema>(schema: Schema, method: string, path: string, body?: unknown) {
    return parseResponse(schema, await this.#send(method, path, body), `${method} ${path}`);
  }

  async #send(method: string, path: string, body?: unknown): Promise<unknown> {
    const sent =
      body === undefined
        ? { method }
        : { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return this.#unwrap(await this.call(path, sent));
  }

  /** Returns the body of a successful response that is not JSON; throws the problem of any other. */
  async stream(path: string, headers: Record<string, string> = {}): Promise<Readable> {
    const response = await this.call(path, { method: "GET", headers });
    if (response.statusCode !== 200) await this.#unwrap(response);
    return response.body;
  }

  async #unwrap({ statusCode, headers, body }: HttpResponse): Promise<unknown> {
    const text = await textOf(body);
    const isJson = /[/+]json\b/.test(String(headers["content-type"]));
    if (statusCode === 204 || (statusCode < 300 && isJson)) return text === "" ? undefined : JSON.parse(text);
    const problem = problemError(text);
    if (problem) throw problem;
    throw new FaasError("SERVER_UNREACHABLE", `The server at ${this.url} is not a faas server (status ${statusCode})`, {
      extensions: { hint: ADDRESS_HINT },
    });
  }

  #describeFailure(error: Error & { code?: string }): Error {
    if (this.#signal.aborted || error instanceof FaasError) return error;
    if (INVALID_REQUEST.has(error.code ?? ""))
      return new FaasError("USAGE", `Cannot send the request: ${error.message}`, { cause: error });
    const untrusted = trustProblem(this.url, error);
    if (untrusted) return untrusted;
    const isLocal = /\/\/(127\.|localhost|\[::1\])/.test(this.url);
    const hint = isLocal ? 'start one with "faas up --detach"' : ADDRESS_HINT;
    return new FaasError("SERVER_UNREACHABLE", `No server responds at ${this.url} (${error.code ?? error.message})`, {
      cause: error,
      extensions: { hint },
    });
  }
}

async function textOf(body: Readable): Promise<string> {
  let text = "";
  for await (const chunk of body.setEncoding("utf8")) text += chunk;
  return text;
}

const orgPath = (org: string) => `/-/orgs/${encodeURIComponent(org)}`;

const secretPath = (org: string, name?: string) =>
  `${orgPath(org)}/secrets${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;

const keysPath = (org: string | undefined) => (org === undefined ? "/-/keys" : `${orgPath(org)}/keys`);

/** Returns the path of an endpoint in the control API. */
export const pathOf = ({ org, endpoint }: EndpointRef): string =>
  `/-/orgs/${encodeURIComponent(org)}/endpoints/${encodeURIComponent(endpoint)}`;

import type { Readable } from "node:stream";
import {
  DEFAULT_PORT,
  type EndpointRef,
  type EndpointView,
  type ErrorCode,
  errorCodes,
  FaasError,
  type KeyView,
  type LogLine,
  type NewKeyView,
  type OrgDetails,
  type OrgView,
  type PostAdminKey,
  type PostOrgKey,
  type Problem,
  type PutEndpoint,
  type PutOrg,
  type Registered,
  type SecretSet,
  type SecretView,
  type ServerConfig,
  type Whoami,
} from "@faas/core";
import { Agent, type Dispatcher, request } from "undici";
import { findProject } from "../project/project.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { storedToken } from "./credentials.ts";
import { caFor, trustProblem, warnOfPlainKeys } from "./trust.ts";

const ADDRESS_HINT = "check the address: --server URL, FAAS_SERVER, or server in faas.json";

export const DEFAULT_SERVER = `http://127.0.0.1:${DEFAULT_PORT}`;

/** Where the control server is: `--server`, FAAS_SERVER, `faas.json` of the folder, or the default. */
export async function serverUrl(options: GlobalOptions, io: Io, folder = io.cwd): Promise<string> {
  const given = options.server ?? io.env.FAAS_SERVER ?? (await findProject(folder))?.project.server ?? DEFAULT_SERVER;
  const url = URL.parse(given);
  if (url && /^https?:$/.test(url.protocol)) return given.replace(/\/+$/, "");
  throw new FaasError("USAGE", `Expected the server's address to be a URL such as ${DEFAULT_SERVER}, got "${given}"`);
}

/** The server that the options name, with the key that there is for it. */
export async function connect(options: GlobalOptions, io: Io, folder = io.cwd): Promise<Client> {
  const url = await serverUrl(options, io, folder);
  const token = await tokenFor(url, options, io);
  if (token !== undefined) warnOfPlainKeys(url, io);
  return new Client(url, io.signal, token, await caFor(url, options, io));
}

/** FAAS_TOKEN, else what `faas login` kept. The former is not sent to where only a `faas.json` points: it may be somebody else's. */
export async function tokenFor(url: string, { server }: GlobalOptions, io: Io): Promise<string | undefined> {
  const stored = await storedToken(url, io);
  const given = io.env.FAAS_TOKEN || undefined;
  const isNamed = (server ?? io.env.FAAS_SERVER) !== undefined || url === DEFAULT_SERVER || stored !== undefined;
  return isNamed ? (given ?? stored) : undefined;
}

export interface CallOptions {
  readonly method: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: Buffer | Readable | string | null;
}

/** The control API and the gateway over HTTP. What fails is a FaasError: the server's own problem, or SERVER_UNREACHABLE. */
export class Client {
  readonly url: string;
  readonly #signal: AbortSignal;
  readonly #token: string | undefined;
  /** The certificates, PEM, that the server's has to be signed by; undefined: those that Node knows. */
  readonly ca: string | undefined;
  readonly #agent: Agent;

  constructor(url: string, signal: AbortSignal, token?: string, ca?: string) {
    this.url = url;
    this.#signal = signal;
    this.#token = token;
    this.ca = ca;
    // Nothing is timed here: how long a call or a deployment may take is the server's business.
    const timeouts = { headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 1_000 };
    this.#agent = new Agent({ ...timeouts, ...(ca === undefined ? {} : { connect: { ca } }) });
  }

  /** Whether a key is sent along. */
  get hasKey(): boolean {
    return this.#token !== undefined;
  }

  /** The same server, asked for as long as another signal says. */
  withSignal(signal: AbortSignal): Client {
    return new Client(this.url, signal, this.#token, this.ca);
  }

  config(): Promise<ServerConfig> {
    return this.#json("GET", "/-/config");
  }

  whoami(): Promise<Whoami> {
    return this.#json("GET", "/-/whoami");
  }

  /** Those that the key may see. */
  async orgs(): Promise<readonly OrgView[]> {
    return (await this.#json<{ orgs: OrgView[] }>("GET", "/-/orgs")).orgs;
  }

  org(org: string): Promise<OrgDetails> {
    return this.#json("GET", orgPath(org));
  }

  putOrg(org: string, body?: PutOrg): Promise<OrgDetails> {
    return this.#json("PUT", orgPath(org), body);
  }

  /** Of an organization; without one, of the whole server. */
  async keys(org: string | undefined): Promise<readonly KeyView[]> {
    return (await this.#json<{ keys: KeyView[] }>("GET", keysPath(org))).keys;
  }

  createKey(org: string, body: PostOrgKey): Promise<NewKeyView> {
    return this.#json("POST", keysPath(org), body);
  }

  createAdminKey(body: PostAdminKey): Promise<NewKeyView> {
    return this.#json("POST", keysPath(undefined), body);
  }

  async revokeKey(org: string | undefined, id: string): Promise<void> {
    await this.#json("DELETE", `${keysPath(org)}/${encodeURIComponent(id)}`);
  }

  async endpoints(org?: string): Promise<readonly EndpointView[]> {
    const path = org === undefined ? "/-/endpoints" : `/-/orgs/${encodeURIComponent(org)}/endpoints`;
    return (await this.#json<{ endpoints: EndpointView[] }>("GET", path)).endpoints;
  }

  endpoint(ref: EndpointRef): Promise<EndpointView> {
    return this.#json("GET", pathOf(ref));
  }

  /** Waits until the revision is no longer being deployed: it answers, it failed, or a newer one took its place. */
  async waitForRollout(ref: EndpointRef, revision: string): Promise<EndpointView> {
    for (;;) {
      const view = await this.#json<EndpointView>("GET", `${pathOf(ref)}?wait=${revision}&timeout=60s`);
      if (view.phase !== "deploying" || (view.deploying ?? view.revision) !== revision) return view;
    }
  }

  putEndpoint(ref: EndpointRef, body: PutEndpoint): Promise<Registered> {
    return this.#json("PUT", pathOf(ref), body);
  }

  async removeEndpoint(ref: EndpointRef): Promise<void> {
    await this.#json("DELETE", pathOf(ref));
  }

  async removeOrg(org: string): Promise<void> {
    await this.#json("DELETE", `/-/orgs/${encodeURIComponent(org)}`);
  }

  /** `dockerConfigJson` is the text of a Docker `config.json`. */
  async putRegistryCredentials(org: string, dockerConfigJson: string): Promise<void> {
    await this.#json("PUT", `/-/orgs/${encodeURIComponent(org)}/registry-credentials`, { dockerConfigJson });
  }

  async secrets(org: string): Promise<readonly SecretView[]> {
    return (await this.#json<{ secrets: SecretView[] }>("GET", secretPath(org))).secrets;
  }

  putSecret(org: string, name: string, value: string): Promise<SecretSet> {
    return this.#json("PUT", secretPath(org, name), { value });
  }

  async removeSecret(org: string, name: string): Promise<void> {
    await this.#json("DELETE", secretPath(org, name));
  }

  async hasBundle(digest: string): Promise<boolean> {
    const { statusCode, body } = await this.call(`/-/bundles/${digest}`, { method: "HEAD" });
    await body.dump();
    if (statusCode === 403) throw new FaasError("FORBIDDEN", "Expected a key with the scope deploy");
    return statusCode === 200;
  }

  /** For an organization, whose limit of stored bytes counts. */
  async putBundle(org: string, digest: string, tar: Readable, sizeBytes: number): Promise<void> {
    const headers = { "Content-Type": "application/x-tar", "Content-Length": String(sizeBytes) };
    await this.#unwrap(
      await this.call(`/-/bundles/${digest}?org=${encodeURIComponent(org)}`, { method: "PUT", headers, body: tar }),
    );
  }

  async *logs(ref: EndpointRef, query: Readonly<Record<string, string>>): AsyncGenerator<LogLine> {
    const answer = await this.call(`${pathOf(ref)}/logs?${new URLSearchParams(query)}`, { method: "GET" });
    if (answer.statusCode !== 200) await this.#unwrap(answer);
    let rest = "";
    const text = new TextDecoder();
    for await (const piece of this.read(answer.body)) {
      const lines = (rest + text.decode(piece, { stream: true })).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) yield JSON.parse(line);
    }
  }

  /** The body of an answer as it comes. ANSWER_INCOMPLETE when the connection breaks before its end. */
  async *read(body: Readable): AsyncGenerator<Buffer> {
    let bytes = 0;
    try {
      for await (const piece of body) {
        bytes += piece.length;
        yield piece;
      }
    } catch (cause) {
      if (this.#signal.aborted) throw cause;
      throw new FaasError("ANSWER_INCOMPLETE", `The connection broke after ${bytes} bytes of the answer`, { cause });
    }
  }

  /** Any request; gives the answer as it comes, whatever its status. */
  async call(path: string, { method, headers, body }: CallOptions): Promise<Dispatcher.ResponseData> {
    try {
      const answer = await request(this.url + path, {
        method: method as Dispatcher.HttpMethod,
        headers: { ...this.keyHeaders(headers), ...headers },
        ...(body === undefined ? {} : { body }),
        signal: this.#signal,
        dispatcher: this.#agent,
      });
      if (answer.statusCode === 400 && String(answer.headers.upgrade).startsWith("TLS/")) {
        await answer.body.dump();
        throw new FaasError("TLS_REQUIRED", `${this.url} speaks HTTPS, and HTTP was sent to it`, {
          extensions: { hint: `use ${this.url.replace("http:", "https:")}` },
        });
      }
      return answer;
    } catch (error) {
      throw this.#failed(error as Error & { code?: string });
    }
  }

  /** The key, where what else is sent leaves room for it: a function may want `authorization` for itself. */
  keyHeaders(others: Readonly<Record<string, unknown>> = {}): Record<string, string> {
    if (this.#token === undefined || "x-faas-token" in others) return {};
    return "authorization" in others ? { "x-faas-token": this.#token } : { authorization: `Bearer ${this.#token}` };
  }

  async #json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const sent =
      body === undefined
        ? { method }
        : { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    return this.#unwrap<T>(await this.call(path, sent));
  }

  async #unwrap<T>({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<T> {
    const text = await body.text();
    const isJson = /[/+]json\b/.test(String(headers["content-type"]));
    if (statusCode === 204 || (statusCode < 300 && isJson)) return (text === "" ? undefined : JSON.parse(text)) as T;
    const problem = problemError(text);
    if (problem) throw problem;
    throw new FaasError("SERVER_UNREACHABLE", `What answers at ${this.url} is no faas server (status ${statusCode})`, {
      extensions: { hint: ADDRESS_HINT },
    });
  }

  #failed(error: Error & { code?: string }): Error {
    if (this.#signal.aborted || error instanceof FaasError) return error;
    if (error.code === "UND_ERR_INVALID_ARG" || error.code === "UND_ERR_NOT_SUPPORTED")
      return new FaasError("USAGE", `Such a request cannot be sent: ${error.message}`, { cause: error });
    const untrusted = trustProblem(this.url, error);
    if (untrusted) return untrusted;
    const isLocal = /\/\/(127\.|localhost|\[::1\])/.test(this.url);
    const hint = isLocal ? 'start one with "faas up --detach"' : ADDRESS_HINT;
    return new FaasError("SERVER_UNREACHABLE", `No server answers at ${this.url} (${error.code ?? error.message})`, {
      cause: error,
      extensions: { hint },
    });
  }
}

const orgPath = (org: string) => `/-/orgs/${encodeURIComponent(org)}`;

const secretPath = (org: string, name?: string) =>
  `${orgPath(org)}/secrets${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;

const keysPath = (org: string | undefined) => (org === undefined ? "/-/keys" : `${orgPath(org)}/keys`);

const pathOf = ({ org, endpoint }: EndpointRef) =>
  `/-/orgs/${encodeURIComponent(org)}/endpoints/${encodeURIComponent(endpoint)}`;

/** The error that a problem document tells of; undefined when the text is none. */
export function problemError(text: string): FaasError | undefined {
  try {
    const { type: _, title: __, status: ___, detail, code, ...extensions } = JSON.parse(text) as Problem;
    if (typeof code !== "string" || !(code in errorCodes)) return undefined;
    return new FaasError(code as ErrorCode, String(detail), { extensions });
  } catch {
    return undefined;
  }
}

import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Environment } from "../../docker/config.ts";
import type { RegistryCredentials } from "../credentials.ts";
import { DOCKER_HUB } from "../image-reference.ts";
import { authorization } from "./authorization.ts";
import { isLoopback, type RegistryResponse, type StreamedBody, Transport } from "./transport.ts";

/** A registry, with the credentials for it. */
export interface RegistryHost {
  /** `host[:port]`. */
  readonly host: string;
  readonly credentials: RegistryCredentials | undefined;
  /** Environment that locates Docker's folder of certificates. */
  readonly env: Environment;
  readonly signal?: AbortSignal | undefined;
}

export interface RegistryRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path with its query, from `/v2/`, or the absolute URL of an upload. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | StreamedBody;
  /** Requests with equal scopes share a token. @defaultValue the repository in the path */
  readonly scope?: string;
  /** Time without any byte after which the request fails. @defaultValue 5 s */
  readonly idleMs?: number;
}

type Scheme = "http" | "https";

const IDLE_MS = 5_000;
const MAX_REDIRECTS = 5;
const MAX_LOGINS = 2;
/** Delays between attempts of a request without a body, or with one in memory. */
const RETRY_DELAYS_MS = [300, 1_000, 3_000];

/**
 * Requests to one registry, which share connections and tokens. Logs in when the registry asks for it, and again when a token has expired.
 */
export class RegistrySession implements Disposable {
  readonly host: string;
  readonly access: RegistryHost;
  readonly #authority: string;
  readonly #transport: Promise<Transport>;
  /** Authorization headers by scope, and for pushes by scope and `push`. */
  readonly #tokens = new Map<string, Promise<string | undefined>>();
  #scheme: Scheme | undefined;

  constructor(access: RegistryHost) {
    this.access = access;
    this.host = access.host;
    this.#authority = access.host === DOCKER_HUB ? "registry-1.docker.io" : access.host;
    this.#scheme = isLoopback(this.#authority) ? undefined : "https";
    this.#transport = Transport.open(this.#authority, access.env);
    // Each request awaits it.
    this.#transport.catch(() => {});
  }

  /** Sends a request and reads the whole response. Rejects if the registry is unreachable. */
  async send(request: RegistryRequest): Promise<RegistryResponse> {
    const response = await this.open(request);
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) };
  }

  /** Like {@link send}, but tries again after a broken connection and a failure of the registry, whose last response it returns. */
  async sendRetrying(request: RegistryRequest): Promise<RegistryResponse> {
    const { signal } = this.access;
    for (let retries = 0; ; retries++) {
      const delayMs = RETRY_DELAYS_MS[retries];
      let response: RegistryResponse | undefined;
      try {
        response = await this.send(request);
      } catch (error) {
        signal?.throwIfAborted();
        if (delayMs === undefined || !isTransient(error)) throw error;
      }
      if (response && (delayMs === undefined || !isFailure(response.status))) return response;
      await delay(Math.max(delayMs ?? 0, retryAfterMs(response)), undefined, signal ? { signal } : {});
    }
  }

  /** Sends a request and returns the response when its headers are there; follows the redirects of a GET. */
  async open(request: RegistryRequest): Promise<IncomingMessage> {
    let response = await this.#openWithScheme(request);
    for (
      let redirects = 0;
      isRedirect(response) && request.method === "GET" && redirects < MAX_REDIRECTS;
      redirects++
    ) {
      response.resume();
      const target = new URL(response.headers.location as string, this.#url(request.path));
      response =
        target.host === this.#authority
          ? await this.#openWithScheme({ ...request, path: target.pathname + target.search })
          : // Storage behind the registry: its URLs are signed, and it must not see the login.
            await this.#openUrl(target.href, request, {});
    }
    return response;
  }

  [Symbol.dispose](): void {
    this.#transport.then(
      (transport) => transport[Symbol.dispose](),
      () => {},
    );
  }

  /** Finds out with the first request whether a registry on this machine uses TLS. */
  async #openWithScheme(request: RegistryRequest): Promise<IncomingMessage> {
    if (this.#scheme !== undefined) return this.#openAuthorized(request, this.#scheme);
    const plain = await this.#openAuthorized(request, "http").catch((error: Error) => error);
    // A TLS server answers plain HTTP with 400.
    if (!(plain instanceof Error) && plain.statusCode !== 400) {
      this.#scheme = "http";
      return plain;
    }
    if (!(plain instanceof Error)) plain.resume();
    const response = await this.#openAuthorized(request, "https");
    this.#scheme = "https";
    return response;
  }

  async #openAuthorized(request: RegistryRequest, scheme: Scheme): Promise<IncomingMessage> {
    const { scope = repositoryIn(request.path), method } = request;
    const url = this.#url(request.path, scheme);
    // A token for a push also reads.
    const writing = `${scope} push`;
    const key = method === "GET" || method === "HEAD" ? scope : writing;
    let used = await (this.#tokens.get(writing) ?? this.#tokens.get(key))?.catch(() => undefined);
    for (let logins = 0; ; logins++) {
      const response = await this.#openUrl(url, request, used === undefined ? {} : { Authorization: used });
      // A new token may expire while it is on its way, or be that of another request.
      if (response.statusCode !== 401 || logins === MAX_LOGINS) return response;
      const renewed = await this.#login(key, String(response.headers["www-authenticate"] ?? ""), used);
      if (renewed === undefined || renewed === used) return response;
      response.resume();
      used = renewed;
    }
  }

  /** Gets a token, once for all requests that find the same one missing or expired. */
  async #login(key: string, challenge: string, expired: string | undefined): Promise<string | undefined> {
    const current = this.#tokens.get(key);
    const value = await current?.catch(() => undefined);
    if (value !== undefined && value !== expired) return value;
    if (this.#tokens.get(key) !== current) return this.#login(key, challenge, expired);
    const { credentials, signal } = this.access;
    const token = this.#transport.then((transport) => authorization(challenge, credentials, transport, signal));
    this.#tokens.set(key, token);
    return token;
  }

  async #openUrl(
    url: string,
    { method, headers, body, idleMs = IDLE_MS }: RegistryRequest,
    more: Readonly<Record<string, string>>,
  ): Promise<IncomingMessage> {
    const transport = await this.#transport;
    return transport.open({ method, url, headers: { ...headers, ...more }, body, idleMs }, this.access.signal);
  }

  #url(path: string, scheme: Scheme = this.#scheme ?? "http"): string {
    return new URL(path, `${scheme}://${this.#authority}`).href;
  }
}

/** True for responses that may be others shortly. */
export const isFailure = (status: number): boolean => [429, 500, 502, 503, 504].includes(status);

const TRANSIENT = /^(ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|HPE_.*)$/;

/** True for errors of a connection that may be gone shortly. */
export const isTransient = (error: unknown): boolean => {
  const { code = "", message } = error as NodeJS.ErrnoException;
  return TRANSIENT.test(code) || /socket hang up|aborted|token server/.test(message);
};

const isRedirect = ({ statusCode = 0, headers }: IncomingMessage) =>
  statusCode >= 300 && statusCode < 400 && statusCode !== 304 && headers.location !== undefined;

const repositoryIn = (path: string) => /\/v2\/(.+?)\/(?:blobs|manifests|tags)\//.exec(path)?.[1] ?? path;

/** Reads a delay of at most 10 s that the registry asks for (RFC 9110 section 10.2.3). */
function retryAfterMs(response: RegistryResponse | undefined): number {
  const seconds = Number(response?.headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 10) * 1000 : 0;
}

import type { Whoami } from "@faas/core";

/** Name of the entry in `sessionStorage`. */
const STORED = "faas-key";

/** Problem document of the server as an error. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** Access to the control API with one key. The key is in memory, and in `sessionStorage` when the user asks for that. */
export class Session {
  readonly whoami: Whoami;
  readonly #token: string | undefined;

  private constructor(token: string | undefined, whoami: Whoami) {
    this.#token = token;
    this.whoami = whoami;
  }

  /** Opens a session without a key, or with the one of this tab. Returns undefined when a key has to be entered. */
  static async restore(): Promise<Session | undefined> {
    const stored = sessionStorage.getItem(STORED) ?? undefined;
    try {
      return await Session.#open(stored);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) throw error;
      sessionStorage.removeItem(STORED);
      return undefined;
    }
  }

  /** Signs in with a key. @param isKept the tab has it after a reload too */
  static async signIn(token: string, isKept: boolean): Promise<Session> {
    const session = await Session.#open(token);
    if (isKept) sessionStorage.setItem(STORED, token);
    return session;
  }

  static async #open(token: string | undefined): Promise<Session> {
    return new Session(token, await json(await send(token, "GET", "/-/whoami")));
  }

  /** Forgets the key. */
  signOut(): void {
    sessionStorage.removeItem(STORED);
  }

  /** True where no key is needed. */
  get isOpen(): boolean {
    return this.whoami.auth === "open";
  }

  get isAdmin(): boolean {
    return this.whoami.auth === "open" || this.whoami.scope === "admin";
  }

  /** The only organization that the key can see. */
  get org(): string | undefined {
    return this.whoami.auth === "open" ? undefined : this.whoami.org;
  }

  can(scope: "read" | "invoke" | "deploy"): boolean {
    if (this.whoami.auth === "open") return true;
    const own = this.whoami.scope;
    return own === scope || own === "admin" || own === "deploy";
  }

  async get<T>(path: string): Promise<T> {
    return json(await send(this.#token, "GET", path));
  }

  /** Reads a text. */
  async text(path: string): Promise<string> {
    return (await checked(await send(this.#token, "GET", path))).text();
  }

  /**
   * Reads a stored response, whatever its status. Its headers have no effect on the browser: redirects are not followed, and a status 401 asks for no
   * password.
   */
  storedResponse(path: string): Promise<Response> {
    return send(this.#token, "GET", path, { redirect: "manual", credentials: "omit" });
  }

  /** Reads a list with one JSON value per line. */
  async lines<T>(path: string): Promise<T[]> {
    const lines = (await this.text(path)).split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as T);
  }

  async change<T>(method: "PUT" | "POST" | "DELETE", path: string, body?: unknown): Promise<T> {
    const headers: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return json(await send(this.#token, method, path, { headers, ...sent }));
  }

  /** Opens a response that is read as a stream. */
  async stream(
    path: string,
    signal: AbortSignal,
    headers: Record<string, string> = {},
  ): Promise<ReadableStream<string>> {
    const { body } = await checked(await send(this.#token, "GET", path, { signal, headers }));
    return (body as ReadableStream<Uint8Array<ArrayBuffer>>).pipeThrough(new TextDecoderStream());
  }

  /** Calls an endpoint. The key is in a header that the function does not get. */
  call(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#token !== undefined) headers.set("X-Faas-Token", this.#token);
    return fetch(path, { ...init, headers, cache: "no-store", redirect: "manual" });
  }
}

function send(token: string | undefined, method: string, path: string, init: RequestInit = {}): Promise<Response> {
  const key: Record<string, string> = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return fetch(path, { method, cache: "no-store", ...init, headers: { ...key, ...(init.headers as object) } });
}

async function checked(response: Response): Promise<Response> {
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const detail = problem.detail ?? `The server responded with status ${response.status}`;
  throw new ApiError(response.status, problem.code ?? "", detail);
}

async function json<T>(response: Response): Promise<T> {
  const text = await (await checked(response)).text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** Path of an endpoint in the control API. */
export const endpointPath = (org: string, endpoint: string, rest = ""): string =>
  `/-/orgs/${encodeURIComponent(org)}/endpoints/${encodeURIComponent(endpoint)}${rest}`;

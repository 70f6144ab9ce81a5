import { readdir, readFile } from "node:fs/promises";
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { getCACertificates } from "node:tls";
import { dockerFolder, type Environment } from "../../docker/config.ts";

export interface RegistryResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Body of a request; `open` is called again for each attempt. */
export interface StreamedBody {
  readonly sizeBytes: number;
  open(): Promise<Readable>;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | StreamedBody | undefined;
  /** Time without any byte in either direction after which the request fails. */
  readonly idleMs: number;
}

/** Maximum size of a response that is read into memory; manifests have at most 4 MiB (OCI distribution specification, "Pushing manifests"). */
const MAX_RESPONSE_BYTES = 8 * 2 ** 20;

/** Sends requests to a host over connections that stay open for the next one. */
export class Transport implements Disposable {
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https: HttpsAgent;

  private constructor(tls: TlsOptions) {
    this.#https = new HttpsAgent({ keepAlive: true, ...tls });
  }

  static async open(host: string, env: Environment): Promise<Transport> {
    return new Transport(await tlsOptions(host, env));
  }

  /** Sends a request and reads the whole response. */
  async send(request: HttpRequest, signal: AbortSignal | undefined): Promise<RegistryResponse> {
    const response = await this.open(request, signal);
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of response) {
      size += (piece as Buffer).length;
      if (size > MAX_RESPONSE_BYTES) throw new Error(`the response has more than ${MAX_RESPONSE_BYTES} bytes`);
      pieces.push(piece as Buffer);
    }
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) };
  }

  /** Sends a request and returns the response when its headers are there. A response before the end of the body ends the body. */
  open({ method, url, headers, body, idleMs }: HttpRequest, signal?: AbortSignal): Promise<IncomingMessage> {
    const isTls = url.startsWith("https:");
    const length = body === undefined ? undefined : lengthOf(body);
    const options: RequestOptions = {
      method,
      agent: isTls ? this.#https : this.#http,
      headers: { ...headers, ...(length === undefined ? {} : { "Content-Length": length }) },
      ...(signal ? { signal } : {}),
    };
    return new Promise((resolve, reject) => {
      const request = isTls ? httpsRequest(url, options) : httpRequest(url, options);
      request.setTimeout(idleMs, () => {
        request.destroy(Object.assign(new Error(`no response within ${idleMs / 1000} s`), { code: "ETIMEDOUT" }));
      });
      // Not once: a connection that breaks after an early response reports it too.
      request.on("error", reject);
      request.once("response", resolve);
      if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) request.end(body);
      // The response or the error of the request says more than that of the pipe.
      else
        body.open().then(
          (source) =>
            pipeline(source, request).catch((error) => {
              request.destroy(error);
              reject(error);
            }),
          (error) => request.destroy(error),
        );
    });
  }

  [Symbol.dispose](): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

const lengthOf = (body: string | Buffer | StreamedBody) =>
  typeof body === "string" || Buffer.isBuffer(body) ? Buffer.byteLength(body) : body.sizeBytes;

/** True for registries that Docker uses without TLS, or with any certificate. */
export const isLoopback = (host: string): boolean => /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/.test(host);

/** Returns the system's certificate authorities, and Docker's for this registry: `certs.d/<registry>/*.crt`. */
async function tlsOptions(host: string, env: Environment): Promise<TlsOptions> {
  if (isLoopback(host)) return { rejectUnauthorized: false };
  const folders = [join("/etc/docker/certs.d", host), join(dockerFolder(env), "certs.d", host)];
  const ofRegistry: string[] = [];
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((each) => each.endsWith(".crt")))
      ofRegistry.push(await readFile(join(folder, name), "utf8"));
  }
  return { ca: [...getCACertificates("default"), ...getCACertificates("system"), ...ofRegistry] };
}

interface TlsOptions {
  readonly ca?: string[];
  readonly rejectUnauthorized?: boolean;
}

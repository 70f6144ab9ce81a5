import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { FIELD_MANAGER, type Fields, type KubernetesObject, resources } from "@faas/platforms/kubernetes-client";

type Stored = KubernetesObject & {
  readonly spec?: Record<string, unknown>;
  readonly metadata: { readonly generation?: number };
};

interface Watcher {
  readonly plural: string;
  readonly wants: (object: Stored) => boolean;
  readonly response: ServerResponse;
}

interface Change {
  readonly version: number;
  readonly plural: string;
  readonly type: string;
  readonly object: Stored;
}

/**
 * In-memory Kubernetes API, as far as the control server uses it for endpoints at zero replicas, for more of them than a test cluster could hold. It stores
 * objects, lists them with pages and label selectors, and supports server-side apply and watches; no controller acts on them, and no pod runs.
 */
export class SimulatedApi implements AsyncDisposable {
  readonly url: string;
  /** Bytes sent to watchers. */
  watchedBytes = 0;
  readonly #server: Server;
  readonly #objects = new Map<string, Map<string, Stored>>();
  readonly #watchers = new Set<Watcher>();
  readonly #changes: Change[] = [];
  #version = 1000;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => void this.#respond(request, response));
  }

  static async start(): Promise<SimulatedApi> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new SimulatedApi(server);
  }

  count(kind: keyof typeof resources): number {
    return this.#of(resources[kind].plural).size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url as string, this.url);
    if (pathname === "/api/v1") return send(response, 200, { resources: [{ name: "pods/resize" }] });
    const resource = parsePath(pathname);
    if (!resource) return sendError(response, 404, `${pathname} not found`);
    const { plural, namespace, name, subresource } = resource;
    if (name === undefined) {
      const wants = matcherFor(searchParams.get("labelSelector"), namespace);
      if (request.method === "POST") return this.#put(response, plural, namespace, (await json(request)) as Stored);
      if (searchParams.has("watch")) return this.#watch(response, { plural, wants, response }, searchParams);
      return this.#list(response, plural, wants, searchParams);
    }
    const key = `${namespace ?? ""}/${name}`;
    const found = this.#of(plural).get(key);
    if (request.method === "PATCH" && subresource === undefined)
      return this.#put(response, plural, namespace, (await json(request)) as Stored);
    if (!found) return sendError(response, 404, `${plural} "${name}" not found`);
    if (request.method === "PATCH") {
      const { spec } = (await json(request)) as { spec: Record<string, unknown> };
      return this.#put(response, plural, namespace, { ...found, spec: { ...found.spec, ...spec } });
    }
    if (request.method === "DELETE") {
      this.#of(plural).delete(key);
      this.#publish(plural, "DELETED", found);
    }
    send(response, 200, found);
  }

  /** Applies an object for the only field manager: the given fields replace the stored ones. */
  #put(response: ServerResponse, plural: string, namespace: string | undefined, given: Stored): void {
    const objects = this.#of(plural);
    const key = `${namespace ?? ""}/${given.metadata.name}`;
    const before = objects.get(key);
    const generation = (before?.metadata.generation ?? 0) + 1;
    const object = {
      ...given,
      metadata: {
        uid: before?.metadata.uid ?? randomUUID(),
        creationTimestamp: before?.metadata.creationTimestamp ?? new Date().toISOString(),
        ...given.metadata,
        generation,
        resourceVersion: String(++this.#version),
        managedFields: [
          {
            manager: FIELD_MANAGER,
            operation: "Apply",
            apiVersion: given.apiVersion,
            fieldsType: "FieldsV1",
            fieldsV1: { "f:spec": fieldsOf(given.spec) },
          },
        ],
      },
      spec: { ...(plural === "deployments" ? { replicas: 0 } : {}), ...given.spec },
      status: plural === "namespaces" ? { phase: "Active" } : { observedGeneration: generation },
    };
    objects.set(key, object);
    this.#publish(plural, before ? "MODIFIED" : "ADDED", object);
    send(response, before ? 200 : 201, object);
  }

  #list(response: ServerResponse, plural: string, wants: Watcher["wants"], query: URLSearchParams): void {
    const from = Number(query.get("continue") ?? 0);
    const limit = Number(query.get("limit") ?? Number.POSITIVE_INFINITY);
    const all = [...this.#of(plural).values()].filter(wants);
    const more = all.length > from + limit ? { continue: String(from + limit) } : {};
    send(response, 200, {
      metadata: { resourceVersion: String(this.#version), ...more },
      items: all.slice(from, from + limit),
    });
  }

  #watch(response: ServerResponse, watcher: Watcher, query: URLSearchParams): void {
    const since = Number(query.get("resourceVersion"));
    response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
    for (const change of this.#changes) if (change.version > since) this.#write(watcher, change);
    this.#watchers.add(watcher);
    response.once("close", () => this.#watchers.delete(watcher));
  }

  #publish(plural: string, type: string, object: Stored): void {
    const change = { version: this.#version, plural, type, object };
    this.#changes.push(change);
    if (this.#changes.length > 10_000) this.#changes.splice(0, 5_000);
    for (const watcher of this.#watchers) this.#write(watcher, change);
  }

  #write({ plural, wants, response }: Watcher, change: Change): void {
    if (change.plural !== plural || !wants(change.object)) return;
    const line = `${JSON.stringify({ type: change.type, object: change.object })}\n`;
    this.watchedBytes += line.length;
    response.write(line);
  }

  #of(plural: string): Map<string, Stored> {
    let objects = this.#objects.get(plural);
    if (!objects) {
      objects = new Map();
      this.#objects.set(plural, objects);
    }
    return objects;
  }
}

/** Returns the fields that an applied value owns (FieldsV1). */
function fieldsOf(value: unknown): Fields {
  if (Array.isArray(value)) {
    const keys = value.map((item) => keyOf(item as Readonly<Record<string, unknown>>));
    // A list without keys is owned as a whole.
    if (keys.includes(undefined)) return {};
    return Object.fromEntries(value.map((item, i) => [`k:${JSON.stringify(keys[i])}`, { ".": {}, ...fieldsOf(item) }]));
  }
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, below]) => [`f:${name}`, fieldsOf(below)]));
}

/** Returns the key of a list item: the number for ports, the name for everything else. */
function keyOf(item: Readonly<Record<string, unknown>>): object | undefined {
  const { protocol = "TCP", port, containerPort, name } = item;
  if (containerPort !== undefined) return { containerPort, protocol };
  if (port !== undefined) return { port, protocol };
  return name === undefined ? undefined : { name };
}

interface ResourcePath {
  readonly plural: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
}

function parsePath(path: string): ResourcePath | undefined {
  for (const { group, plural } of Object.values(resources)) {
    if (!path.startsWith(`/${group}/`)) continue;
    const parts = path.slice(group.length + 2).split("/");
    const namespace = parts[0] === "namespaces" && parts.length > 2 ? parts[1] : undefined;
    const [is, name, subresource] = namespace === undefined ? parts : parts.slice(2);
    if (is === plural) return { plural, namespace, name, subresource };
  }
  return undefined;
}

/** Makes a filter by equal labels and by namespace. */
function matcherFor(selector: string | null, namespace: string | undefined): (object: Stored) => boolean {
  const labels = (selector ?? "")
    .split(",")
    .flatMap((each) => (each === "" ? [] : [each.split("=") as [string, string]]));
  return ({ metadata }) =>
    (namespace === undefined || metadata.namespace === namespace) &&
    labels.every(([name, value]) => metadata.labels?.[name] === value);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function sendError(response: ServerResponse, code: number, message: string): void {
  send(response, code, { kind: "Status", status: "Failure", code, message, reason: code === 404 ? "NotFound" : "" });
}

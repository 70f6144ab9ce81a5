import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Artifact,
  type EndedReplica,
  type EndpointRef,
  type EndpointSpec,
  type EndpointStatus,
  endpointKey,
  FaasError,
  type Platform,
  type ReplicaFailure,
  type SecretVersion,
} from "@faas/core";

/** Behavior of a replica: the listener of a `node:http` server, or the reason why it does not start. */
export type ReplicaBehaviour = RequestListener | Pick<ReplicaFailure, "code" | "detail">;

/** Replica that is a real HTTP server in this process. */
export class TestReplica {
  readonly id: string;
  readonly spec: EndpointSpec;
  readonly server: Server;
  address = "";
  ready = false;

  constructor(id: string, spec: EndpointSpec, listener: RequestListener) {
    this.id = id;
    this.spec = spec;
    this.server = createServer(listener);
  }

  async listen(onSocketFile: boolean): Promise<void> {
    const path = join(tmpdir(), `faas-test-${process.pid}-${this.id}`);
    await new Promise<void>((listening) => {
      if (onSocketFile) this.server.listen(path, listening);
      else this.server.listen(0, "127.0.0.1", listening);
    });
    this.address = onSocketFile ? `unix:${path}` : `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Stops like on SIGTERM: requests in flight finish. */
  async drain(): Promise<void> {
    await new Promise((closed) => this.server.close(closed));
  }

  /** Stops like on SIGKILL. */
  kill(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

interface TestEndpoint {
  spec: EndpointSpec;
  desired: number;
  replicas: TestReplica[];
  failure?: ReplicaFailure;
  ended: EndedReplica[];
  status?: EndpointStatus;
}

/** Platform with replicas in this process: quick, and a test can stop the clock at each moment of their lives. */
export class TestPlatform implements Platform {
  readonly name = "test";
  readonly accepts: Artifact["kind"] = "bundle";
  readonly scalers = ["concurrency", "fixed"] as const;
  /** Promise that replicas wait for before they get ready. */
  gate: Promise<unknown> = Promise.resolve();
  /** True for replicas that listen on Unix sockets instead of TCP. */
  onSocketFiles = false;
  /** Numbers of replicas that `scale` was called with. */
  readonly scaled: number[] = [];
  readonly #behave: (spec: EndpointSpec) => ReplicaBehaviour;
  readonly #endpoints = new Map<string, TestEndpoint>();
  readonly #watchers = new Set<() => void>();
  #ids = 0;

  constructor(behave: (spec: EndpointSpec) => ReplicaBehaviour) {
    this.#behave = behave;
  }

  replicas(ref: EndpointRef): readonly TestReplica[] {
    return this.#endpoints.get(endpointKey(ref))?.replicas ?? [];
  }

  async apply(spec: EndpointSpec): Promise<void> {
    const key = endpointKey(spec);
    const endpoint = this.#endpoints.get(key) ?? { spec, desired: 0, replicas: [], ended: [] };
    this.#endpoints.set(key, endpoint);
    endpoint.spec = spec;
    this.#reconcile(endpoint);
  }

  async scale(ref: EndpointRef, replicas: number): Promise<void> {
    this.scaled.push(replicas);
    const endpoint = this.#endpoints.get(endpointKey(ref));
    if (!endpoint) throw new FaasError("ENDPOINT_NOT_FOUND", `There is no endpoint ${endpointKey(ref)}`);
    endpoint.desired = replicas;
    this.#reconcile(endpoint);
  }

  /** Ends a replica as if its process had exited, or had been killed from outside. */
  end(replica: TestReplica, { killed = false } = {}): void {
    const endpoint = this.#endpoints.get(endpointKey(replica.spec));
    if (!endpoint) return;
    replica.kill();
    endpoint.replicas = endpoint.replicas.filter((other) => other !== replica);
    endpoint.ended.push({
      ...{ id: replica.id, revision: replica.spec.revision, code: "REPLICA_EXITED", detail: "It ended" },
      ...{ lastLogLines: [], ...(killed ? { killed } : {}) },
    });
    this.#reconcile(endpoint);
  }

  async remove(ref: EndpointRef): Promise<void> {
    const endpoint = this.#endpoints.get(endpointKey(ref));
    this.#endpoints.delete(endpointKey(ref));
    this.#notify();
    await Promise.all((endpoint?.replicas ?? []).map((replica) => replica.drain()));
  }

  async removeOrg(org: string): Promise<void> {
    for (const { spec } of [...this.#endpoints.values()]) if (spec.org === org) await this.remove(spec);
  }

  /** Values by `org/name/version`. */
  readonly secrets = new Map<string, string>();

  async putSecret(org: string, { name, version }: SecretVersion, value: string): Promise<void> {
    this.secrets.set(`${org}/${name}/${version}`, value);
  }

  async readSecret(org: string, { name, version }: SecretVersion): Promise<string> {
    return this.secrets.get(`${org}/${name}/${version}`) as string;
  }

  async removeSecret(org: string, { name, version }: SecretVersion): Promise<void> {
    this.secrets.delete(`${org}/${name}/${version}`);
  }

  async *watch(signal: AbortSignal): AsyncGenerator<readonly EndpointStatus[]> {
    let wake = () => {};
    let due = true;
    const notify = () => {
      due = true;
      wake();
    };
    this.#watchers.add(notify);
    signal.addEventListener("abort", notify);
    while (!signal.aborted) {
      if (!due) await new Promise<void>((resolve) => (wake = resolve));
      due = false;
      yield Array.from(this.#endpoints.values(), (endpoint) => statusOf(endpoint));
    }
    this.#watchers.delete(notify);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { replicas } of this.#endpoints.values()) for (const replica of replicas) replica.kill();
    this.#endpoints.clear();
  }

  #reconcile(endpoint: TestEndpoint): void {
    const current = endpoint.replicas.filter((replica) => replica.spec.revision === endpoint.spec.revision);
    const older = endpoint.replicas.filter((replica) => replica.spec.revision !== endpoint.spec.revision);
    for (const replica of current.splice(endpoint.desired)) this.#stop(endpoint, replica);
    for (let missing = endpoint.desired - current.length; missing > 0; missing--) void this.#start(endpoint);
    const replaced = current.filter((replica) => replica.ready).length >= endpoint.desired;
    if (replaced) for (const replica of older) this.#stop(endpoint, replica);
    this.#changed(endpoint);
  }

  async #start(endpoint: TestEndpoint): Promise<void> {
    const { spec } = endpoint;
    const behaviour = this.#behave(spec);
    if (typeof behaviour !== "function") {
      await this.gate;
      endpoint.failure = { ...behaviour, revision: spec.revision, lastLogLines: [] };
      return this.#changed(endpoint);
    }
    const replica = new TestReplica(`r${++this.#ids}`, spec, behaviour);
    endpoint.replicas.push(replica);
    await replica.listen(this.onSocketFiles);
    await this.gate;
    replica.ready = true;
    if (spec.revision === endpoint.spec.revision) delete endpoint.failure;
    this.#reconcile(endpoint);
  }

  /** Removes the replica from the status first, so that no new request comes, and drains it afterwards. */
  #stop(endpoint: TestEndpoint, replica: TestReplica): void {
    endpoint.replicas = endpoint.replicas.filter((other) => other !== replica);
    this.#changed(endpoint);
    setImmediate(() => void replica.drain());
  }

  #changed(endpoint: TestEndpoint): void {
    delete endpoint.status;
    this.#notify();
  }

  #notify(): void {
    for (const notify of this.#watchers) notify();
  }
}

function statusOf(endpoint: TestEndpoint): EndpointStatus {
  const { spec, failure, ended } = endpoint;
  endpoint.status ??= {
    org: spec.org,
    endpoint: spec.endpoint,
    revision: spec.revision,
    replicas: endpoint.replicas.map(({ id, address, ready, spec: { revision } }) => ({ id, address, ready, revision })),
    ...(failure ? { failure } : {}),
    ...(ended.length > 0 ? { ended: [...ended] } : {}),
  };
  return endpoint.status;
}

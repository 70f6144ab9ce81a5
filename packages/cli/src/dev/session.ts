import { setTimeout as delay } from "node:timers/promises";
import { type PreparedFolder, prepareFolder } from "@faas/builder";
import { type EndpointRef, FaasError, type Project } from "@faas/core";
import type { RunningServer } from "@faas/server";
import { Client } from "../client/client.ts";
import { findProject } from "../project/project.ts";
import { endpointNameOf } from "../project/starter.ts";
import type { Io } from "../terminal/io.ts";
import { DevSecrets } from "./secrets.ts";

/** Prepared folders that are kept: requests may still run in those that served before. */
const KEPT = 4;
/** An installation that takes longer than this is told. */
const QUICK_MS = 500;

/** What happens, for whoever shows it. */
export interface DevEvents {
  /** Where it answers; told once, when calls are taken. */
  registered(url: string): void;
  installing(): void;
  /** New code answers. */
  loaded(ms: number): void;
  /** What is in the folder is what answers already. */
  unchanged(): void;
  /** The new code cannot be served; `before`: an older one answers. */
  failed(error: unknown, before: boolean): void;
  /** A line that the function printed. */
  line(text: string): void;
}

/** Deploys a folder to a server again and again, the way that `faas deploy` does, but without a tar. */
export class DevSession implements AsyncDisposable {
  readonly #folder: string;
  readonly #server: RunningServer;
  readonly #events: DevEvents;
  readonly #signal: AbortSignal;
  readonly #client: Client;
  readonly #secrets: DevSecrets;
  /** By digest, the oldest first. */
  readonly #prepared = new Map<string, PreparedFolder>();
  #ref: EndpointRef | undefined;
  /** Digest of what answers. */
  #serving: string | undefined;
  #loading: Promise<void> | undefined;
  #newer = new AbortController();
  #again = false;
  #logs: Promise<void> | undefined;

  constructor(folder: string, server: RunningServer, io: Pick<Io, "signal" | "env">, events: DevEvents) {
    this.#folder = folder;
    this.#server = server;
    this.#events = events;
    this.#signal = io.signal;
    this.#client = new Client(server.url, io.signal);
    this.#secrets = new DevSecrets(folder, io, this.#client);
  }

  /** Loads what is in the folder now. What is still being loaded is given up for it; resolves when nothing is left to load. */
  load(): Promise<void> {
    this.#again = true;
    this.#newer.abort();
    this.#loading ??= this.#loadAll().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Call it when the server has stopped. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loading;
    await this.#logs;
    for (const prepared of this.#prepared.values()) await prepared[Symbol.asyncDispose]();
  }

  async #loadAll(): Promise<void> {
    while (this.#again && !this.#signal.aborted) {
      this.#again = false;
      this.#newer = new AbortController();
      const given = AbortSignal.any([this.#signal, this.#newer.signal]);
      try {
        await this.#loadOnce(given);
      } catch (error) {
        const before = await this.#answers();
        if (!given.aborted) this.#events.failed(this.#inSource(error), before);
      }
    }
  }

  async #loadOnce(given: AbortSignal): Promise<void> {
    const began = performance.now();
    const project = (await findProject(this.#folder))?.project ?? {};
    // It keeps its first name: a URL that changes meanwhile would be no help.
    this.#ref ??= { org: project.org ?? "dev", endpoint: project.endpoint ?? endpointNameOf(this.#folder) };
    const prepared = await this.#prepare(project, given);
    const { digest, runtime } = prepared;
    const { $schema: _, org: __, endpoint: ___, server: ____, ...settings } = project;
    await this.#secrets.give(this.#ref.org, settings.secrets);
    const registered = await this.#client.putEndpoint(this.#ref, {
      artifact: { kind: "bundle", digest },
      // One replica that stays: its output and its state are those that one looks at.
      settings: { ...settings, runtime, replicas: 1, maxReplicas: 1, scaler: "concurrency", idleTimeout: "never" },
    });
    if (!this.#logs) this.#events.registered(registered.url);
    this.#logs ??= this.#followLogs(this.#ref);
    await this.#settled(this.#ref, registered.revision, given);
    this.#serving = digest;
    await this.#forget(digest);
    if (registered.unchanged) this.#events.unchanged();
    else this.#events.loaded(performance.now() - began);
  }

  async #prepare({ runtime, handler }: Project, signal: AbortSignal): Promise<PreparedFolder> {
    const ready = new AbortController();
    const onStage = (stage: string) => {
      if (stage === "install") void this.#tellIfSlow(ready.signal);
    };
    const options = { ...(runtime ? { runtime } : {}), ...(handler ? { handler } : {}), signal, onStage };
    const prepared = await prepareFolder(this.#folder, options).finally(() => ready.abort());
    const same = this.#prepared.get(prepared.digest);
    // The last is the newest.
    this.#prepared.delete(prepared.digest);
    this.#prepared.set(prepared.digest, same ?? prepared);
    if (same) await prepared[Symbol.asyncDispose]();
    else this.#server.bundles.link(prepared.digest, prepared.folder);
    return same ?? prepared;
  }

  async #tellIfSlow(ready: AbortSignal): Promise<void> {
    await delay(QUICK_MS, undefined, { signal: ready }).then(
      () => this.#events.installing(),
      () => {},
    );
  }

  /** Rejects with the reason when the revision does not get ready, and with the signal's when it aborts before. */
  async #settled(ref: EndpointRef, revision: string, given: AbortSignal): Promise<void> {
    const settling = this.#client.waitForRollout(ref, revision);
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(given.reason);
    given.addEventListener("abort", abort, { once: true });
    try {
      if (given.aborted) abort();
      const { failure } = await Promise.race([settling, aborted.promise]);
      if (failure?.revision === revision) throw new FaasError(failure.code, failure.detail);
    } finally {
      given.removeEventListener("abort", abort);
      // Nobody waits for it any more when the signal came first.
      settling.catch(() => {});
    }
  }

  async #forget(newest: string): Promise<void> {
    for (const [digest, prepared] of this.#prepared) {
      if (this.#prepared.size <= KEPT) return;
      if (digest === newest || digest === this.#serving) continue;
      this.#prepared.delete(digest);
      this.#server.bundles.unlink(digest);
      await prepared[Symbol.asyncDispose]();
    }
  }

  async #followLogs(ref: EndpointRef): Promise<void> {
    try {
      for await (const { line } of this.#client.logs(ref, { follow: "true" }))
        this.#events.line(this.#inSourceText(line));
    } catch (error) {
      if (!this.#signal.aborted) this.#events.failed(error, await this.#answers());
    }
  }

  /** Whether a replica answers calls now. */
  async #answers(): Promise<boolean> {
    if (this.#ref === undefined) return false;
    const view = await this.#client.endpoint(this.#ref).catch(() => undefined);
    return view?.replicas.some(({ ready }) => ready) ?? false;
  }

  /** Names files where the user has them, not in the prepared folder. */
  #inSource(error: unknown): unknown {
    if (!(error instanceof FaasError)) return error;
    const { cause, extensions } = error;
    return new FaasError(error.code, this.#inSourceText(error.message), { cause, extensions: { ...extensions } });
  }

  #inSourceText(text: string): string {
    let named = text;
    for (const { folder } of this.#prepared.values()) named = named.replaceAll(folder, this.#folder);
    return named;
  }
}

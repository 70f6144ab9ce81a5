import { setTimeout as delay } from "node:timers/promises";
import { type PreparedFolder, prepareFolder, settingsOf } from "@faas/builder/bundle";
import { type EndpointRef, FaasError, type Project, type SettingsInput } from "@faas/core";
import type { RunningServer } from "@faas/server";
import { Client } from "../client/client.ts";
import { sourceSettings } from "../options/image-options.ts";
import { functionsOf } from "../project/functions.ts";
import { findProject } from "../project/project.ts";
import { endpointNameOf } from "../project/starter.ts";
import type { Io } from "../terminal/io.ts";
import { devSettings } from "./dev-settings.ts";
import type { PreparedFolders } from "./prepared-folders.ts";
import { DevSecrets } from "./secrets.ts";

/** Prepared folders to keep: requests may still run in those of previous revisions. */
const MAX_PREPARED = 4;
/** Time after which a running installation is reported. */
const SLOW_INSTALL_MS = 500;

/** Events of a session. */
export interface DevEvents {
  /** Reports the URL, once, when calls are accepted. */
  registered(url: string): void;
  /** Reports what was detected in the folder, such as "Express app, server.js", at the start and after a change. */
  detected(description: string): void;
  installing(): void;
  /** Reports that new code serves. */
  loaded(ms: number): void;
  /** Reports that the folder's code is the one that serves already. */
  unchanged(): void;
  /**
   * Reports that the new code cannot be served.
   *
   * @param error reason; absent when the function has printed it
   * @param hasPrevious true when the previous code still serves
   */
  failed(error: unknown, hasPrevious: boolean): void;
  /** Reports a line of the function's output. */
  line(text: string): void;
  /** Reports a file or folder that the code depends on, also outside of its folder. */
  used(path: string): void;
}

export interface DevSessionOptions {
  /** Folder of the function. */
  readonly folder: string;
  /** Place of the function in a `faas.json` with several. */
  readonly among?: { readonly root: string; readonly name: string };
  readonly server: RunningServer;
  readonly preparedFolders: PreparedFolders;
  readonly io: Pick<Io, "signal" | "env">;
  readonly events: DevEvents;
}

/** Repeated deployments of a folder to a server in this process, as `faas deploy` makes them but without a tar. */
export class DevSession implements AsyncDisposable {
  readonly #folder: string;
  readonly #among: DevSessionOptions["among"];
  readonly #preparedFolders: PreparedFolders;
  readonly #events: DevEvents;
  readonly #signal: AbortSignal;
  readonly #client: Client;
  readonly #secrets: DevSecrets;
  /** Prepared folders by digest, oldest first. */
  readonly #prepared = new Map<string, PreparedFolder>();
  #ref: EndpointRef | undefined;
  /** Digest of the code that serves. */
  #serving: string | undefined;
  /** Last revision that was reported to serve. */
  #reportedRevision: string | undefined;
  #loading: Promise<void> | undefined;
  #superseded = new AbortController();
  #isOutdated = false;
  #description: string | undefined;
  #logs: Promise<void> | undefined;
  /** Last line of the function's output. */
  #printed: string | undefined;
  /** Reason of a failure that the function's output will repeat. */
  #reported: string | undefined;

  constructor({ folder, among, server, preparedFolders, io, events }: DevSessionOptions) {
    this.#folder = folder;
    this.#among = among;
    this.#preparedFolders = preparedFolders;
    this.#events = events;
    this.#signal = io.signal;
    this.#client = new Client(server.url, io.signal);
    this.#secrets = new DevSecrets(among ? [among.root, folder] : [folder], io, this.#client);
  }

  /** Loads the folder's code and cancels a load in progress; resolves when the newest code is loaded. */
  load(): Promise<void> {
    this.#isOutdated = true;
    this.#superseded.abort();
    this.#loading ??= this.#loadAll().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  /** Removes the prepared folders. Call it after the server has stopped. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loading;
    await this.#logs;
    for (const digest of this.#prepared.keys()) await this.#preparedFolders.release(digest);
  }

  async #loadAll(): Promise<void> {
    while (this.#isOutdated && !this.#signal.aborted) {
      this.#isOutdated = false;
      this.#superseded = new AbortController();
      const signal = AbortSignal.any([this.#signal, this.#superseded.signal]);
      try {
        await this.#loadOnce(signal);
      } catch (error) {
        const hasPrevious = await this.#isServing();
        if (!signal.aborted) this.#report(error, hasPrevious);
      }
    }
  }

  async #loadOnce(signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    const project = await this.#readProject();
    // The first name stays: a URL that changes during a session would not help.
    this.#ref ??= { org: project.org ?? "dev", endpoint: project.endpoint ?? endpointNameOf(this.#folder) };
    const prepared = await this.#prepare(project, signal);
    const { digest, description } = prepared;
    if (description !== this.#description) this.#events.detected(description);
    this.#description = description;
    const settings = devSettings(project);
    await this.#secrets.upload(this.#ref.org, secretsOf(settings));
    const registered = await this.#client.putEndpoint(this.#ref, {
      artifact: { kind: "bundle", digest },
      detected: settingsOf(prepared),
      // The faas.json may have had more settings before.
      reset: true,
      settings,
    });
    if (!this.#logs) this.#events.registered(registered.url);
    this.#logs ??= this.#followLogs(this.#ref);
    await this.#waitForRollout(this.#ref, registered.revision, signal);
    this.#serving = digest;
    await this.#removeOldest(digest);
    // A load that was cancelled may have registered this revision already.
    const isUnchanged = registered.revision === this.#reportedRevision;
    this.#reportedRevision = registered.revision;
    if (isUnchanged) this.#events.unchanged();
    else this.#events.loaded(performance.now() - startedAt);
  }

  /**
   * Reads the fields of the function in `faas.json`.
   *
   * @throws CONFIG_INVALID, or when the file is not about the same function as at the start
   */
  async #readProject(): Promise<Project> {
    const found = await findProject(this.#among?.root ?? this.#folder);
    const all = found ? functionsOf(found) : [];
    if (this.#among === undefined && all.length === 0) return found?.project ?? {};
    const selected = all.find(({ name, folder }) => name === this.#among?.name && folder === this.#folder);
    if (selected) return selected.project;
    throw new FaasError(
      "CONFIG_INVALID",
      `The functions in ${found?.path ?? this.#among?.root} have changed: restart "faas dev"`,
    );
  }

  async #prepare(project: Project, signal: AbortSignal): Promise<PreparedFolder> {
    const ready = new AbortController();
    const onStage = (stage: string) => {
      if (stage === "install") void this.#reportIfSlow(ready.signal);
    };
    const onInput = (path: string) => this.#events.used(path);
    const options = { ...sourceSettings(project), signal, onStage, onInput };
    const prepared = await prepareFolder(this.#folder, options).finally(() => ready.abort());
    const { digest } = prepared;
    const shared = await this.#preparedFolders.acquire(prepared);
    // Deleted first, so that the newest is last.
    if (this.#prepared.delete(digest)) await this.#preparedFolders.release(digest);
    this.#prepared.set(digest, shared);
    return shared;
  }

  async #reportIfSlow(ready: AbortSignal): Promise<void> {
    await delay(SLOW_INSTALL_MS, undefined, { signal: ready }).then(
      () => this.#events.installing(),
      () => {},
    );
  }

  /** Rejects with the failure of the revision, or with the signal's reason when it aborts first. */
  async #waitForRollout(ref: EndpointRef, revision: string, signal: AbortSignal): Promise<void> {
    const rollout = this.#client.waitForRollout(ref, revision);
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      if (signal.aborted) abort();
      const { failure } = await Promise.race([rollout, aborted.promise]);
      if (failure?.revision === revision) throw new FaasError(failure.code, failure.detail);
    } finally {
      signal.removeEventListener("abort", abort);
      // Its result is not used when the signal aborted first.
      rollout.catch(() => {});
    }
  }

  async #removeOldest(newest: string): Promise<void> {
    for (const digest of this.#prepared.keys()) {
      if (this.#prepared.size <= MAX_PREPARED) return;
      if (digest === newest || digest === this.#serving) continue;
      this.#prepared.delete(digest);
      await this.#preparedFolders.release(digest);
    }
  }

  /** Reports a failure, once: a function that does not load prints the reason, and its output may arrive before the failure or after it. */
  #report(error: unknown, hasPrevious: boolean): void {
    const reason = error instanceof FaasError && error.code === "FUNCTION_LOAD_FAILED" ? error.message : undefined;
    const isPrinted = reason !== undefined && this.#printed === reason;
    this.#printed = undefined;
    this.#reported = isPrinted ? undefined : reason;
    this.#events.failed(isPrinted ? undefined : error, hasPrevious);
  }

  #onLine(line: string): void {
    if (line === this.#reported) {
      this.#reported = undefined;
      return;
    }
    // A line of the server's own follows the reason.
    if (!line.startsWith("[faas] ")) this.#printed = line;
    this.#events.line(line);
  }

  async #followLogs(ref: EndpointRef): Promise<void> {
    try {
      for await (const { line } of this.#client.logs(ref, { follow: "true" })) this.#onLine(line);
    } catch (error) {
      if (!this.#signal.aborted) this.#events.failed(error, await this.#isServing());
    }
  }

  /** Asks the server if a replica is ready. */
  async #isServing(): Promise<boolean> {
    if (this.#ref === undefined) return false;
    const view = await this.#client.endpoint(this.#ref).catch(() => undefined);
    return view?.replicas.some(({ ready }) => ready) ?? false;
  }
}

/** Returns the secrets that a project needs, by the variables with their values. Those of hooks alone have variables of the same name. */
function secretsOf({ hooks = [], secrets = {} }: SettingsInput): Record<string, string> {
  const inVariables = Object.values(secrets);
  const ofHooks = hooks.flatMap(({ secret }) => (inVariables.includes(secret) ? [] : [[secret, secret] as const]));
  return { ...Object.fromEntries(ofHooks), ...secrets };
}

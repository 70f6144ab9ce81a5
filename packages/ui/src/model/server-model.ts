import type { CloudEvent, EndpointStats, EndpointView, LiveStats, ServerConfig, Stats } from "@faas/core";
import { EventConnection } from "../api/event-connection.ts";
import { type ApiError, endpointPath, type Session } from "../api/session.ts";
import { LiveHistory } from "./live-history.ts";
import { Observable } from "./observable.ts";

/** An endpoint with its figures. */
export interface EndpointEntry {
  readonly key: string;
  readonly view: EndpointView;
  readonly history: LiveHistory;
  /** Figures of the last minutes; absent until they are loaded. */
  readonly stats?: EndpointStats | undefined;
}

export type ConnectionState = "connecting" | "live" | "offline";

/** Changed endpoints above which the whole list is read. */
const MAX_SINGLE_READS = 20;
const REFRESH_DELAY_MS = 30;
const STATS_INTERVAL_MS = 15_000;
/** Interval of reading calls in flight and memory of replicas. */
const WATCH_INTERVAL_MS = 3_000;
const MANY_ENDPOINTS = 1_000;
const MAX_EVENTS = 200;
/** Events that change nothing which the views of endpoints show. */
const UNRELATED = /^faas\.(?:stats|org|key|server|events|call)\b/;

/** State of the server as the page shows it: read once, then followed by events. */
export class ServerModel extends Observable {
  readonly session: Session;
  readonly entries = new Map<string, EndpointEntry>();
  config: ServerConfig | undefined;
  connection: ConnectionState = "connecting";
  /** The list of endpoints has been read. */
  isLoaded = false;
  error: string | undefined;
  /** Recent events, the newest first. */
  events: readonly CloudEvent[] = [];
  /** Changed with each change of the entries, except for live figures. */
  listVersion = 0;
  /** Changed with each event about organizations or keys. */
  accessVersion = 0;
  readonly #onRejected: (error: ApiError) => void;
  readonly #connection: EventConnection | undefined;
  readonly #changed = new Set<string>();
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  #lastStatsMs = 0;

  constructor(session: Session, onRejected: (error: ApiError) => void) {
    super();
    this.session = session;
    this.#onRejected = onRejected;
    void this.#loadConfig();
    if (!session.can("read")) return;
    this.#connection = new EventConnection(session, {
      onOpen: (isResumed) => this.#onOpen(isResumed),
      onEvent: (event) => this.#onEvent(event),
      onLost: () => this.#setConnection("offline"),
      onRejected,
    });
    // Figures move also without events: the past is longer ago.
    this.#timers.push(setInterval(() => document.visibilityState === "visible" && this.changed(), 1_000));
    this.#timers.push(setInterval(() => void this.#loadStats(), STATS_INTERVAL_MS));
  }

  close(): void {
    this.#connection?.close();
    clearTimeout(this.#refreshTimer);
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Reads an endpoint again, after a change by this page. */
  refresh(key: string): void {
    this.#changed.add(key);
    this.#refreshTimer ??= setTimeout(() => void this.#refresh(), REFRESH_DELAY_MS);
  }

  /** Reads an endpoint with replicas every few seconds, for figures without events. Returns a function that ends that. */
  watch(key: string): () => void {
    const timer = setInterval(() => {
      const { replicas = [], otherReplicas = [] } = this.entries.get(key)?.view ?? {};
      const isIdle = replicas.length + otherReplicas.length === 0;
      if (document.visibilityState === "visible" && this.connection === "live" && !isIdle) this.refresh(key);
    }, WATCH_INTERVAL_MS);
    return () => clearInterval(timer);
  }

  async #loadConfig(): Promise<void> {
    this.config = await this.session.get<ServerConfig>("/-/config").catch(() => undefined);
    this.changed();
  }

  #setConnection(state: ConnectionState): void {
    this.connection = state;
    this.changed();
  }

  #onOpen(isResumed: boolean): void {
    this.#setConnection("live");
    if (!isResumed || !this.isLoaded) void this.#loadAll();
  }

  #onEvent(event: CloudEvent): void {
    const { type, subject, data } = event;
    if (type === "faas.stats") {
      this.#onStats(data.endpoints as readonly LiveStats[]);
      return;
    }
    if (type === "faas.events.gap" || type === "faas.server.started") void this.#loadAll();
    this.events = [event, ...this.events].slice(0, MAX_EVENTS);
    if (/^faas\.(?:org|key)\./.test(type)) this.accessVersion++;
    if (subject !== undefined && !UNRELATED.test(type)) {
      if (type === "faas.endpoint.removed") this.#delete(subject);
      else this.refresh(subject);
    }
    this.changed();
  }

  #onStats(endpoints: readonly LiveStats[]): void {
    const second = Math.floor(Date.now() / 1_000);
    for (const stats of endpoints) this.entries.get(`${stats.org}/${stats.endpoint}`)?.history.add(stats, second);
    this.changed();
  }

  async #refresh(): Promise<void> {
    this.#refreshTimer = undefined;
    const keys = [...this.#changed];
    this.#changed.clear();
    if (keys.length > MAX_SINGLE_READS) return this.#loadAll();
    await Promise.all(keys.map((key) => this.#loadOne(key)));
    this.changed();
  }

  async #loadOne(key: string): Promise<void> {
    const [org = "", endpoint = ""] = key.split("/");
    try {
      this.#put(await this.session.get<EndpointView>(endpointPath(org, endpoint)));
    } catch (error) {
      if ((error as ApiError).status === 404) this.#delete(key);
    }
  }

  async #loadAll(): Promise<void> {
    try {
      const { endpoints } = await this.session.get<{ endpoints: readonly EndpointView[] }>("/-/endpoints");
      const keys = new Set(endpoints.map(({ org, endpoint }) => `${org}/${endpoint}`));
      for (const key of this.entries.keys()) if (!keys.has(key)) this.#delete(key);
      for (const view of endpoints) this.#put(view);
      this.isLoaded = true;
      this.error = undefined;
      this.changed();
      await this.#loadStats(true);
    } catch (error) {
      if ((error as ApiError).status === 401) this.#onRejected(error as ApiError);
      else this.error = (error as Error).message;
      this.changed();
    }
  }

  async #loadStats(isForced = false): Promise<void> {
    const intervalMs = this.entries.size > MANY_ENDPOINTS ? 4 * STATS_INTERVAL_MS : STATS_INTERVAL_MS;
    const isDue = Date.now() - this.#lastStatsMs > intervalMs - 1_000 && document.visibilityState === "visible";
    if (!isForced && !(isDue && this.connection === "live")) return;
    this.#lastStatsMs = Date.now();
    const found = await this.session.get<Stats>("/-/stats?since=5m").catch(() => undefined);
    for (const stats of found?.endpoints ?? []) {
      const key = `${stats.org}/${stats.endpoint}`;
      const entry = this.entries.get(key);
      if (entry) this.entries.set(key, { ...entry, stats });
    }
    this.listVersion++;
    this.changed();
  }

  #delete(key: string): void {
    this.entries.delete(key);
    this.listVersion++;
  }

  #put(view: EndpointView): void {
    this.listVersion++;
    const key = `${view.org}/${view.endpoint}`;
    const before = this.entries.get(key);
    this.entries.set(key, { key, view, history: before?.history ?? new LiveHistory(), stats: before?.stats });
  }
}

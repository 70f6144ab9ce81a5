import { Readable } from "node:stream";
import type { LiveSample, LiveStatistics } from "../metrics/live-statistics.ts";
import { type EventFilter, isIncluded } from "./event-filter.ts";
import type { EventLog, StartPosition } from "./event-log.ts";

export interface EventStreamOptions {
  readonly log: EventLog;
  readonly start: StartPosition;
  readonly filter: EventFilter;
  /** The stream continues with new events; otherwise it ends after the kept ones. */
  readonly isFollowing: boolean;
  /** Statistics that the stream has too. Absent: none. */
  readonly statistics?: Pick<LiveStatistics, "subscribe" | "snapshot"> | undefined;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** Interval of comments, so that proxies do not take the connection for a dead one. @defaultValue 15 s */
  readonly keepAliveMs?: number;
}

const KEEP_ALIVE_MS = 15_000;
/** Time after which clients connect again (`retry`). */
const RETRY_MS = 2_000;

/** Stream of server-sent events (WHATWG HTML section 9.2). It reads the log when its reader is ready: a slow one takes no memory of its own. */
export class EventStream extends Readable {
  readonly #options: EventStreamOptions;
  #next: number;
  #isGap: boolean;
  #isWanted = false;
  /** The reader missed statistics: it needs all again. */
  #needsSnapshot = true;
  readonly #undo: (() => void)[] = [];

  constructor(options: EventStreamOptions) {
    super({ encoding: "utf8" });
    const { log, start, statistics, signal, isFollowing, keepAliveMs = KEEP_ALIVE_MS } = options;
    this.#options = options;
    this.#next = start.sequence;
    this.#isGap = start.isGap;
    this.push(`retry: ${RETRY_MS}\n\n`);
    if (!isFollowing) return;
    this.#undo.push(log.subscribe(() => this.#send()));
    if (statistics) this.#undo.push(statistics.subscribe((samples) => this.#sendStatistics(samples)));
    const timer = setInterval(() => this.#isWanted && this.#push(": keep-alive\n\n"), keepAliveMs).unref();
    const end = () => this.#end();
    signal.addEventListener("abort", end, { once: true });
    this.#undo.push(
      () => clearInterval(timer),
      () => signal.removeEventListener("abort", end),
    );
  }

  override _read(): void {
    this.#isWanted = true;
    this.#send();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    for (const undo of this.#undo.splice(0)) undo();
    callback(error);
  }

  #push(text: string): void {
    this.#isWanted = this.push(text);
  }

  #end(): void {
    if (!this.readableEnded && !this.destroyed) this.push(null);
    for (const undo of this.#undo.splice(0)) undo();
  }

  /** Sends the events that the reader has not got, as far as it is ready. */
  #send(): void {
    const { log, filter, isFollowing, signal } = this.#options;
    while (this.#isWanted && !this.destroyed) {
      if (this.#isGap || log.hasDropped(this.#next)) {
        this.#isGap = false;
        const oldest = log.from(0);
        this.#next = oldest?.sequence ?? log.next;
        this.#push(log.gapBlock());
        continue;
      }
      const event = log.from(this.#next);
      if (event === undefined) break;
      this.#next = event.sequence + 1;
      if (isIncluded(event, filter)) this.#push(event.block);
    }
    const hasAll = this.#next >= log.next;
    if (hasAll && (!isFollowing || log.isClosed || signal.aborted)) this.#end();
  }

  #sendStatistics(samples: readonly LiveSample[]): void {
    const { log, filter, statistics } = this.#options;
    if (!this.#isWanted || statistics === undefined) {
      this.#needsSnapshot = true;
      return;
    }
    const all = this.#needsSnapshot ? [...statistics.snapshot(), ...samples] : samples;
    this.#needsSnapshot = false;
    const own = all.filter((sample) => isIncluded(sample, filter));
    if (own.length === 0) return;
    // The texts of the samples are made once for all streams.
    const block = log.blockOf({ type: "faas.stats", data: { endpoints: [] } });
    this.#push(block.replace('"endpoints":[]', () => `"endpoints":[${own.map(({ text }) => text).join(",")}]`));
  }
}

import type { LinkClock, LinkConnection, LinkHandlers, LinkTransport } from "@faas/gateway";

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that a test moves. */
export class ManualClock implements LinkClock {
  #now = 1_000_000;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves the clock on, and runs the timers that become due, in their order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers)
      if (timer.at <= end && (first === undefined || timer.at < first.at)) first = timer;
    return first;
  }
}

/** Opens links in memory, whose texts arrive after a delay; a test can cut them. */
export class MemoryLinks implements LinkTransport {
  readonly #clock: LinkClock;
  readonly #accept: () => ((connection: LinkConnection) => LinkHandlers) | undefined;
  readonly #delayMs: number;
  readonly #open = new Set<() => void>();
  /** True while nothing arrives, in either direction, and neither end notices. */
  isSilent = false;

  /** @param accept returns the other end; undefined while it does not listen */
  constructor(clock: LinkClock, accept: () => ((connection: LinkConnection) => LinkHandlers) | undefined, delayMs = 1) {
    this.#clock = clock;
    this.#accept = accept;
    this.#delayMs = delayMs;
  }

  connect(onOpen: (connection: LinkConnection) => LinkHandlers, onFailed: (error: Error) => void): () => void {
    return this.#clock.after(this.#delayMs, () => {
      const accept = this.#accept();
      if (this.isSilent) return;
      if (accept === undefined) return onFailed(new Error("refused"));
      this.#pair(onOpen, accept);
    });
  }

  /** Breaks all links. */
  cut(): void {
    for (const cut of [...this.#open]) cut();
  }

  #pair(
    first: (connection: LinkConnection) => LinkHandlers,
    second: (connection: LinkConnection) => LinkHandlers,
  ): void {
    let isOpen = true;
    const ends: (LinkHandlers | undefined)[] = [undefined, undefined];
    const end = (index: 0 | 1): LinkConnection => ({
      bufferedLength: 0,
      send: (lines) => {
        this.#clock.after(this.#delayMs, () => {
          if (isOpen && !this.isSilent) ends[1 - index]?.onText(lines);
        });
      },
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#open.delete(cut);
        this.#clock.after(this.#delayMs, () => ends[1 - index]?.onClose());
      },
    });
    const cut = () => {
      if (!isOpen) return;
      isOpen = false;
      this.#open.delete(cut);
      for (const handlers of ends) handlers?.onClose(new Error("cut"));
    };
    this.#open.add(cut);
    ends[0] = first(end(0));
    ends[1] = second(end(1));
  }
}

interface Event {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Simulated time: events run in the order of their times, and those of the same time in the order in which they were planned. */
export class SimulatedTime {
  /** Milliseconds; begins late, because other clocks of the process count as the past. */
  #now = 1e9;
  #order = 0;
  /** A binary heap. */
  readonly #events: Event[] = [];

  get now(): number {
    return this.#now;
  }

  /** Plans an event. Returns a function that cancels it. */
  after(ms: number, run: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Runs all events up to a time. */
  runUntil(at: number): void {
    while (this.runNext(at));
  }

  /** Runs the next event up to a time; without one it becomes that time, and the result is `false`. */
  runNext(at: number): boolean {
    const [next] = this.#events;
    if (next === undefined || next.at > at) {
      this.#now = at;
      return false;
    }
    this.#pop();
    this.#now = next.at;
    next.run?.();
    return true;
  }

  #push(event: Event): void {
    const events = this.#events;
    let index = events.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, events[parent] as Event)) break;
      events[index] = events[parent] as Event;
      index = parent;
    }
    events[index] = event;
  }

  #pop(): void {
    const events = this.#events;
    const last = events.pop() as Event;
    if (events.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1] as Event, events[child] as Event)) child++;
      if (!isBefore(events[child] as Event, last)) break;
      events[index] = events[child] as Event;
      index = child;
    }
    events[index] = last;
  }
}

const isBefore = (one: Event, other: Event) => one.at < other.at || (one.at === other.at && one.order < other.order);

/** Clock and timers of one simulated process, which can be paused, and ends for good. */
export class ProcessClock {
  readonly #time: SimulatedTime;
  #isPaused = false;
  #hasEnded = false;
  /** Timers that became due during a pause. */
  #dueTimers: (() => void)[] = [];
  /** Inputs that arrived during a pause. */
  #dueInputs: (() => void)[] = [];

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  now(): number {
    return this.#time.now;
  }

  /** Runs a timer of the process. */
  after(ms: number, run: () => void): () => void {
    let isCanceled = false;
    const due = () => {
      if (!isCanceled && !this.#hasEnded) run();
    };
    const cancel = this.#time.after(ms, () => {
      if (this.#isPaused) this.#dueTimers.push(due);
      else due();
    });
    return () => {
      isCanceled = true;
      cancel();
    };
  }

  /** Runs what the process does when something arrives, now or at the end of its pause. */
  input(run: () => void): void {
    if (this.#hasEnded) return;
    if (this.#isPaused) this.#dueInputs.push(run);
    else run();
  }

  setTimeout(run: () => void, ms: number): object {
    return { cancel: this.after(ms, run) };
  }

  clearTimeout(timer: object): void {
    (timer as { cancel(): void }).cancel();
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** Continues: first with timers, as an event loop does. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const due = [...this.#dueTimers, ...this.#dueInputs];
    this.#dueTimers = [];
    this.#dueInputs = [];
    for (const run of due) if (!this.#hasEnded) run();
  }

  end(): void {
    this.#hasEnded = true;
  }
}

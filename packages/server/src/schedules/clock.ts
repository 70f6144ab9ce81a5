/** Time, as schedules see it. */
export interface Clock {
  /** Returns milliseconds since the epoch. */
  now(): number;
  /** Calls back after a time. Returns a function that cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/** Clock of the system. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: Date.now,
  after(ms, callback) {
    const timer = setTimeout(callback, ms).unref();
    return () => clearTimeout(timer);
  },
};

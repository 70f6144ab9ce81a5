/** End of an open link: sends text, which consists of whole lines. */
export interface LinkConnection {
  /** Sends lines, each of which ends with a line break. Never blocks, and never calls a handler. */
  send(lines: string): void;
  /** Characters that were sent and have not been passed to the network. */
  readonly bufferedLength: number;
  /** Closes the link at once; `onClose` of this end is not called. */
  close(): void;
}

/** Receives what happens on a link. No handler is called after `onClose`, or after the connection was closed from this end. */
export interface LinkHandlers {
  /** Called with received text; lines may be cut anywhere. */
  onText(text: string): void;
  /** Called once when the other end, or the network, closed the link. */
  onClose(error?: Error): void;
}

/** Opens links to the control server. A simulation has one of its own. */
export interface LinkTransport {
  /**
   * Opens a link. The result is called back later, never within this call.
   * @param onOpen called with the open connection; its handlers are those that it returns
   * @param onFailed called when no link could be opened
   * @returns a function that gives up
   */
  connect(onOpen: (connection: LinkConnection) => LinkHandlers, onFailed: (error: Error) => void): () => void;
}

/** Clock and timers, so that a simulation can have its own. */
export interface LinkClock {
  /** Returns milliseconds on a monotonic clock. */
  now(): number;
  /** Calls a function once. Returns a function that cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** Uses a clock where functions that start and cancel timers are expected. */
export const timersOf = (clock: LinkClock) => ({
  setTimeout: (run: () => void, ms: number) => ({ cancel: clock.after(ms, run) }),
  clearTimeout: (timer: object) => (timer as { readonly cancel: () => void }).cancel(),
});

/** The clock of the system; its timers do not keep the process alive. */
export const SYSTEM_CLOCK: LinkClock = {
  now: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};

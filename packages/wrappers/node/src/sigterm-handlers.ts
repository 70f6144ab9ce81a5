// SIGTERM begins a drain, in which calls are still in flight. Handlers of the user's code often end the process or what calls need, so they
// stay registered, but Node does not call them: the wrapper does, after the drain.

type Handler = (...args: unknown[]) => unknown;

/** Calls `onSigterm` instead of the listeners of SIGTERM, with their arguments. */
export function interceptSigterm(onSigterm: (args: readonly unknown[]) => void): void {
  const emit = process.emit as (name: string | symbol, ...args: unknown[]) => boolean;
  // Node emits a signal by the function that is here when the first listener is added.
  process.emit = function (this: NodeJS.Process, name: string | symbol, ...args: unknown[]): boolean {
    if (name !== "SIGTERM") return emit.call(this, name, ...args);
    onSigterm(args);
    return true;
  } as typeof process.emit;
  process.on("SIGTERM", watchSignal);
  process.on("removeListener", (name) => {
    if (name === "SIGTERM" && process.listenerCount("SIGTERM") === 0) process.on("SIGTERM", watchSignal);
  });
}

/** Calls the user's handlers of SIGTERM. Returns their results. */
export function callSigtermHandlers(args: readonly unknown[]): unknown[] {
  const handlers = process.rawListeners("SIGTERM").filter((each) => each !== watchSignal) as Handler[];
  return handlers.map((handler) => handler.apply(process, [...args]));
}

/** Does nothing: as long as there is a listener, the signal does not end the process. */
function watchSignal(): void {}

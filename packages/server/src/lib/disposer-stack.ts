/**
 * Resources that are disposed of in the reverse order, each after the next one has been. As the standard `AsyncDisposableStack`, which Node has only
 * from version 24 on.
 */
export class DisposerStack implements AsyncDisposable {
  #disposers: (() => unknown)[] = [];
  #disposed: Promise<void> | undefined;

  /** Adds a resource, and returns it. */
  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.defer(() => (Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose]()));
    return resource;
  }

  /** Adds a function to call. */
  defer(dispose: () => unknown): void {
    this.#disposers.push(dispose);
  }

  /** Adds a resource, and returns it. It belongs to another stack too: the stack that is disposed of first disposes of it. */
  share<T extends AsyncDisposable | Disposable>(resource: T, other: DisposerStack): T {
    let disposed: unknown;
    const dispose = () => {
      disposed ??= Promise.resolve(
        Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose](),
      );
      return disposed;
    };
    this.defer(dispose);
    other.defer(dispose);
    return resource;
  }

  /** Moves all resources to a new stack; this one then has nothing to dispose of. */
  move(): DisposerStack {
    const other = new DisposerStack();
    other.#disposers = this.#disposers;
    this.#disposers = [];
    return other;
  }

  /** Disposes of all resources, also after some failed; then rejects with the failure, or an `AggregateError`. A second call waits for the first. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#disposeAll();
    return this.#disposed;
  }

  async #disposeAll(): Promise<void> {
    const errors: unknown[] = [];
    for (let dispose = this.#disposers.pop(); dispose; dispose = this.#disposers.pop()) {
      try {
        await dispose();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, "Several resources could not be closed");
  }
}

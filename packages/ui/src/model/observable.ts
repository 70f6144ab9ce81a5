import { useEffect, useState } from "preact/hooks";

/** Object whose changes components follow. Changes between two frames are one. */
export class Observable {
  readonly #listeners = new Set<() => void>();
  #isScheduled = false;

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Notifies the components before the next frame. */
  changed(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // A hidden page has no frames.
    const schedule =
      document.visibilityState === "visible" ? requestAnimationFrame : (run: () => void) => setTimeout(run, 100);
    schedule(() => {
      this.#isScheduled = false;
      for (const listener of this.#listeners) listener();
    });
  }
}

/** Renders the component again after each change. */
export function useChanges(observable: Observable): void {
  const [, setVersion] = useState(0);
  useEffect(() => observable.subscribe(() => setVersion((version) => version + 1)), [observable]);
}

import type { MessageState } from "../queue.ts";
import { type Entry, stateOf, type Topic } from "./entry.ts";

type ReadyListener = (topic: string) => void;
type ChangeListener = (state: MessageState | undefined) => void;

/** Listeners of topics and messages. They are called in a microtask, when the change is complete. */
export class Listeners {
  readonly #ready = new Set<ReadyListener>();
  readonly #changes = new Map<string, Set<ChangeListener>>();

  onReady(listener: ReadyListener): () => void {
    const own: ReadyListener = (topic) => listener(topic);
    this.#ready.add(own);
    return () => this.#ready.delete(own);
  }

  onChange(id: string, listener: ChangeListener): () => void {
    const own: ChangeListener = (state) => listener(state);
    const all = this.#changes.get(id) ?? new Set();
    this.#changes.set(id, all.add(own));
    return () => {
      all.delete(own);
      if (all.size === 0 && this.#changes.get(id) === all) this.#changes.delete(id);
    };
  }

  /** Reports that a message of a topic can be leased. */
  ready(topic: Topic): void {
    if (topic.isAnnounced || this.#ready.size === 0) return;
    topic.isAnnounced = true;
    queueMicrotask(() => {
      for (const listener of this.#ready) listener(topic.name);
    });
  }

  /** Reports that the state of a message has changed, or that it was removed. */
  changed(entry: Entry): void {
    const listeners = this.#changes.get(entry.id);
    if (!listeners) return;
    const state = entry.isRemoved ? undefined : stateOf(entry);
    queueMicrotask(() => {
      for (const listener of listeners) listener(state);
    });
  }
}

import { hash } from "node:crypto";
import { KEY_BYTES } from "./record-format.ts";

/** Approximate bytes of a key in the journal. */
const RECORD_BYTES = 72;

/** First message with an idempotency key. */
export interface KnownKey {
  readonly id: string;
  readonly enqueuedMs: number;
  /** Settles when the message is on disk, or cannot be stored; absent afterwards. */
  written?: Promise<void> | undefined;
}

/** Returns the hash under which an idempotency key of a topic is known. */
export const hashKey = (topic: string, key: string): string =>
  hash("sha256", `${topic}\0${key}`, "buffer").toString("latin1", 0, KEY_BYTES);

/** Idempotency keys of the last hours. They outlive their messages. */
export class KnownKeys {
  readonly windowMs: number;
  /** Approximately from the oldest to the newest. */
  readonly #keys = new Map<string, KnownKey>();

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  /** Bytes that all keys need in the journal. */
  get bytes(): number {
    return this.#keys.size * RECORD_BYTES;
  }

  find(key: string, nowMs: number): KnownKey | undefined {
    const known = this.#keys.get(key);
    return known && !this.#isExpired(known, nowMs) ? known : undefined;
  }

  /** Adds a key, and removes expired ones. */
  add(key: string, known: KnownKey, nowMs: number): void {
    for (const [oldest, value] of this.#keys) {
      if (!this.#isExpired(value, nowMs)) break;
      this.#keys.delete(oldest);
    }
    this.#keys.set(key, known);
  }

  /** Removes a key whose message could not be stored. */
  forget(key: string, id: string): void {
    if (this.#keys.get(key)?.id === id) this.#keys.delete(key);
  }

  /** Adds a key as it was found in a journal. */
  restore(key: string, id: string, enqueuedMs: number, nowMs: number): void {
    const known = this.#keys.get(key);
    if (!this.#isExpired({ enqueuedMs }, nowMs) && (!known || known.enqueuedMs <= enqueuedMs))
      this.#keys.set(key, { id, enqueuedMs });
  }

  #isExpired({ enqueuedMs }: Pick<KnownKey, "enqueuedMs">, nowMs: number): boolean {
    return enqueuedMs + this.windowMs <= nowMs;
  }
}

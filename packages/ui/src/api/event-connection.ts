import type { CloudEvent } from "@faas/core";
import { EventStreamParser } from "@faas/core/event-stream-parser";
import { ApiError, type Session } from "./session.ts";

const MIN_RETRY_MS = 500;
const MAX_RETRY_MS = 5_000;

export interface EventHandlers {
  /** Called when the stream is open. @param isResumed no event was missed */
  onOpen(isResumed: boolean): void;
  onEvent(event: CloudEvent): void;
  onLost(): void;
  /** Called when the key is no longer valid. */
  onRejected(error: ApiError): void;
}

/** Stream of events that is opened again after the connection is lost, and continues after the last event. */
export class EventConnection {
  readonly #session: Session;
  readonly #handlers: EventHandlers;
  readonly #closed = new AbortController();
  #lastId: string | undefined;

  constructor(session: Session, handlers: EventHandlers) {
    this.#session = session;
    this.#handlers = handlers;
    void this.#run();
  }

  close(): void {
    this.#closed.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed;
    let retryMs = MIN_RETRY_MS;
    while (!signal.aborted) {
      try {
        await this.#read(() => {
          retryMs = MIN_RETRY_MS;
        });
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && (error.status === 401 || error.status === 403)) {
          this.#handlers.onRejected(error);
          return;
        }
      }
      if (signal.aborted) return;
      this.#handlers.onLost();
      await waitOrOnline(retryMs);
      retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
    }
  }

  async #read(onOpen: () => void): Promise<void> {
    const lastId = this.#lastId;
    const headers: Record<string, string> = lastId === undefined ? {} : { "Last-Event-ID": lastId };
    const body = await this.#session.stream("/-/events?stats=true", this.#closed.signal, headers);
    onOpen();
    this.#handlers.onOpen(lastId !== undefined);
    const parser = new EventStreamParser();
    const reader = body.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read())
      for (const { id, data } of parser.push(read.value)) {
        if (id !== undefined) this.#lastId = id;
        this.#handlers.onEvent(JSON.parse(data) as CloudEvent);
      }
  }
}

/** Resolves after a time, or when the browser is online again. */
function waitOrOnline(ms: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener("online", done);
  });
}

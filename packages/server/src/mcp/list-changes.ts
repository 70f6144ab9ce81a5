import { PassThrough, type Readable } from "node:stream";

/** Notification that the list of tools has changed, as an event. */
const CHANGED = `event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", method: "notifications/tools/list_changed" })}\n\n`;
/** Interval of comments, which keep proxies from closing a silent stream. */
const KEEP_ALIVE_MS = 15_000;

/** Streams of clients of 2025-11-25, which get notifications in the response to a GET. Those of 2026-07-28 subscribe with a POST. */
export class ListChanges {
  readonly #streams = new Set<PassThrough>();

  /** Opens a stream, until the signal aborts. */
  stream(signal: AbortSignal): Readable {
    const stream = new PassThrough();
    const timer = setInterval(() => stream.write(": \n\n"), KEEP_ALIVE_MS).unref();
    const end = () => stream.end();
    signal.addEventListener("abort", end, { once: true });
    stream.once("close", () => {
      clearInterval(timer);
      signal.removeEventListener("abort", end);
      this.#streams.delete(stream);
    });
    this.#streams.add(stream);
    if (signal.aborted) end();
    return stream;
  }

  /** Sends the notification to all clients. One that does not read is closed: it asks for the list when it is back. */
  notify(): void {
    for (const stream of this.#streams) if (!stream.writableEnded && !stream.write(CHANGED)) stream.destroy();
  }

  close(): void {
    for (const stream of this.#streams) stream.end();
  }
}

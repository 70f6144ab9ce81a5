import { type JsMsg, jetstream } from "@nats-io/jetstream";
import type { Connection } from "./connection.ts";
import { unavailable } from "./connection.ts";
import { damagedStream } from "./damaged-stream.ts";

/** Messages that are requested at a time. */
const BATCH = 10_000;
const STALL_MS = 30_000;

/**
 * Reads the headers of all messages of the stream, up to a sequence that it has.
 *
 * @throws QUEUE_UNAVAILABLE when it stops to respond
 */
export async function readStream(
  connection: Connection,
  lastSequence: number,
  onMessage: (message: JsMsg) => void,
): Promise<void> {
  const { client, url, shownUrl } = connection;
  const consumer = await jetstream(client).consumers.get(url.stream, { headers_only: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stall = setTimeout(() => reject(unavailable(shownUrl, "stopped to respond")), STALL_MS);
  const messages = await consumer.consume({
    max_messages: BATCH,
    callback: (message) => {
      try {
        stall.refresh();
        if (message.seq <= lastSequence) onMessage(message);
        if (message.seq >= lastSequence) resolve();
      } catch (error) {
        reject(damagedStream(url.stream, message.seq, error as Error));
      }
    },
  });
  try {
    await promise;
  } finally {
    clearTimeout(stall);
    await messages.close();
    await consumer.delete().catch(() => {});
  }
}

import type { Logger } from "@faas/core";
import { DurableQueue } from "../durable-queue.ts";
import { QueueMemory, type QueueMemoryOptions } from "../message-log.ts";
import type { Queue } from "../queue.ts";
import { Connection } from "./connection.ts";
import { NatsLog } from "./nats-log.ts";
import { ensureStream } from "./stream.ts";

export interface NatsQueueOptions extends QueueMemoryOptions {
  /** `nats://` or `tls://`, see `parseQueueUrl`. */
  readonly url: string;
  /** File with a user's JWT and key. */
  readonly credentialsFile?: string;
  /** Name of this installation, to which the stream belongs. */
  readonly instance: string;
  readonly log?: Logger;
}

/**
 * Opens the queue in a stream of NATS JetStream (docs/decisions/0053-nats-queue.md). From then on no earlier server can write to it.
 *
 * @throws QUEUE_UNAVAILABLE when there is no connection
 * @throws QUEUE_CONFIG_INVALID when the NATS server or the stream does not have the settings that are needed
 * @throws STATE_DAMAGED when the stream cannot be read; USAGE for an invalid URL
 */
export async function openNatsQueue(options: NatsQueueOptions): Promise<Queue> {
  const connection = await Connection.open(options);
  const memory = new QueueMemory(options);
  try {
    await ensureStream(connection, options.instance);
    return new DurableQueue(memory, await NatsLog.open(connection, memory, options.log), options.log);
  } catch (error) {
    memory.schedule.stop();
    await connection[Symbol.asyncDispose]();
    throw error;
  }
}

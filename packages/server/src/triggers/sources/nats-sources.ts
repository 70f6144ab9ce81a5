import type { EndpointRef, Logger, Source } from "@faas/core";
import { KeyedMutex } from "../../lib/keyed-mutex.ts";
import type { ConsumerList, StreamConsumer } from "./consumer-list.ts";
import { SharedConnection } from "./shared-connection.ts";
import type { SourceIntake } from "./source-intake.ts";
import { consumerName } from "./source-names.ts";
import { SourceRunner } from "./source-runner.ts";

export interface NatsSourcesOptions {
  readonly url: string;
  readonly credentialsFile?: string;
  /** Name of this installation. */
  readonly instance: string;
  readonly intake: SourceIntake;
  readonly consumers: ConsumerList;
  readonly ackWaitMs?: number | undefined;
  readonly log: Logger;
}

/** Sources that are received from NATS, and the consumers that they have there. */
export class NatsSources implements AsyncDisposable {
  readonly #options: NatsSourcesOptions;
  readonly #connection: SharedConnection;
  readonly #mutex = new KeyedMutex();
  readonly #stopping = new AbortController();

  constructor(options: NatsSourcesOptions) {
    this.#options = options;
    const { url, credentialsFile } = options;
    this.#connection = new SharedConnection({ url, ...(credentialsFile === undefined ? {} : { credentialsFile }) });
  }

  /** Starts to receive a source. @param allowed subjects that the organization may use beside its own */
  start(ref: EndpointRef, source: Source, allowed: () => readonly string[]): SourceRunner {
    const { instance, intake, consumers, ackWaitMs, log } = this.#options;
    return new SourceRunner({
      ...{ owned: { instance, ref, source }, intake, allowed, ackWaitMs, log },
      ...{ connection: this.#connection, mutex: this.#mutex, onConsumer: (each) => consumers.add(each) },
    });
  }

  /** Returns the name of the consumer of a source. */
  consumerName(ref: EndpointRef, source: Source): string {
    return consumerName({ instance: this.#options.instance, ref, source });
  }

  /** Removes the consumers that no source has. Returns false if some are left, because NATS cannot be reached. */
  async removeUnused(isUsed: (consumer: StreamConsumer) => boolean): Promise<boolean> {
    const { consumers, log } = this.#options;
    for (const each of consumers.all()) {
      try {
        await this.#mutex.run(each.consumer, async () => {
          if (!isUsed(each)) await this.#remove(each);
        });
      } catch (err) {
        log.warn({ err, ...each }, "failed to remove a consumer of a source, will retry");
        return false;
      }
    }
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#connection[Symbol.asyncDispose]();
  }

  async #remove(each: StreamConsumer): Promise<void> {
    const connection = await this.#connection.get(this.#stopping.signal);
    if (connection === undefined) return;
    await connection.manager.consumers.delete(each.stream, each.consumer).catch((error: Error) => {
      if (!/(?:consumer|stream) not found/.test(error.message)) throw error;
    });
    await this.#options.consumers.remove(each);
  }
}

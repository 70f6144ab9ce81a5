import { setTimeout as delay } from "node:timers/promises";
import { coversSubject, isReservedSubject, type Logger, type Source, type SourceView, subjectsOfOrg } from "@faas/core";
import type { KeyedMutex } from "../../lib/keyed-mutex.ts";
import type { Connection } from "../../queue/nats/connection.ts";
import type { StreamConsumer } from "./consumer-list.ts";
import { receiveStream } from "./receive-stream.ts";
import { receiveSubject } from "./receive-subject.ts";
import type { SharedConnection } from "./shared-connection.ts";
import type { SourceIntake, Taken } from "./source-intake.ts";
import type { OwnedSource } from "./source-names.ts";

/** Pause after a source could not be received. */
const RETRY_MS = 2_000;

export interface SourceRunnerOptions {
  readonly owned: OwnedSource;
  readonly connection: SharedConnection;
  readonly intake: SourceIntake;
  readonly mutex: KeyedMutex;
  readonly onConsumer: (consumer: StreamConsumer) => Promise<void>;
  readonly allowed: () => readonly string[];
  readonly ackWaitMs?: number | undefined;
  readonly log: Logger;
}

/** Receives the messages of one source until it is disposed of, again whenever that was interrupted. */
export class SourceRunner implements AsyncDisposable {
  readonly #options: SourceRunnerOptions;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;
  #source: Source;
  #connection: Connection | undefined;
  #isActive = false;
  #problem: string | undefined;

  constructor(options: SourceRunnerOptions) {
    this.#options = options;
    this.#source = options.owned.source;
    this.#ended = this.#run();
  }

  get source(): Source {
    return this.#source;
  }

  /** Changes what does not concern NATS. */
  set source(source: Source) {
    this.#source = source;
  }

  /** Returns the state. */
  state(): Pick<SourceView, "active" | "problem"> {
    if (this.#connection && !this.#connection.isConnected)
      return { active: false, problem: `The NATS server at ${this.#connection.shownUrl} does not respond` };
    return { active: this.#isActive, ...(this.#problem === undefined ? {} : { problem: this.#problem }) };
  }

  /** Receives no more messages, and finishes those that are being stored. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#receive(signal);
      } catch (error) {
        this.#report((error as Error).message);
      }
      this.#isActive = false;
      await delay(RETRY_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #receive(signal: AbortSignal): Promise<void> {
    const { owned, connection: shared, intake, mutex, onConsumer, allowed, ackWaitMs } = this.#options;
    const connection = await shared.get(signal);
    if (connection === undefined) return;
    this.#connection = connection;
    const { ref } = owned;
    const receive = owned.source.stream === undefined ? receiveSubject : receiveStream;
    const runner = this;
    await receive({
      ...{ connection, signal, ackWaitMs, onConsumer, allowed },
      get owned() {
        return { ...owned, source: runner.source };
      },
      onActive: () => {
        this.#isActive = true;
        this.#problem = undefined;
      },
      exclusively: (consumer, work) => mutex.run(consumer, work),
      mayReply: (subject) =>
        subject.startsWith("_INBOX.") ||
        (!isReservedSubject(subject) &&
          [subjectsOfOrg(ref.org), ...allowed()].some((pattern) => coversSubject(pattern, subject))),
      take: async (message) => this.#seen(await intake.take(ref, this.source, message)),
      reject: (error) => this.#seen(intake.reject(ref, error)),
    });
  }

  /** Keeps the reason why the last message was not accepted. */
  #seen(taken: Taken): Taken {
    this.#problem = "error" in taken ? `a message was ${taken.outcome}: ${taken.error.message}` : undefined;
    return taken;
  }

  #report(problem: string): void {
    // Retried for as long as the source is there: logged once.
    if (problem !== this.#problem)
      this.#options.log.warn({ ...this.#options.owned.ref, source: this.source, problem }, "a source is inactive");
    this.#problem = problem;
  }
}

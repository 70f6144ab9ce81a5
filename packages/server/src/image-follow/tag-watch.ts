import { FaasError, type FollowFailure, type Logger } from "@faas/core";

/** The manifest that a tag names, as far as a watch is concerned. */
interface NamedManifest {
  readonly digest: string;
}

export interface TagWatchOptions<Tag extends NamedManifest> {
  /** Image with its tag, for the log. */
  readonly image: string;
  /** Time between two checks where no notifications arrive. */
  readonly intervalMs: number;
  readonly log: Logger;
  /** Asks the registry; `known` makes the request conditional. */
  resolve(known: Tag | undefined): Promise<Tag>;
  /** Deploys what has not been deployed. Returns false if that has to be tried again. */
  deploy(digest: string): Promise<boolean>;
  /**
   * Returns a number from 0 to 1, by which checks are spread.
   *
   * @defaultValue Math.random
   */
  readonly random?: () => number;
}

/** Longest time between two checks after errors. */
const BACKOFF_MAX_MS = 15 * 60_000;
/** Time between two checks where notifications arrive: one of them can be lost. */
const NOTIFIED_MS = 60 * 60_000;
/** Part of the time between two checks by which it varies. */
const JITTER = 0.2;

/** Checks a tag from time to time, and when it is notified. */
export class TagWatch<Tag extends NamedManifest = NamedManifest> implements AsyncDisposable {
  readonly #options: TagWatchOptions<Tag>;
  #known: Tag | undefined;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #isAgain = false;
  #isDisposed = false;
  /** Notifications arrive, so that the tag is seldom checked without one. */
  #isNotified = false;
  /** Time of the last check that the registry answered. */
  checkedAt: string | undefined;
  notifiedAt: string | undefined;
  /** Why the last check failed. */
  failure: FollowFailure | undefined;

  constructor(options: TagWatchOptions<Tag>) {
    this.#options = options;
  }

  /** Checks the tag within the usual time: the tags of all endpoints are not checked at once when the server starts. */
  start(): void {
    const { intervalMs, random = Math.random } = this.#options;
    this.#schedule(intervalMs * random());
  }

  /** Checks the tag because the registry says that it has changed. A check under way is followed by another one. */
  notified(): Promise<void> {
    this.notifiedAt = new Date().toISOString();
    this.#isNotified = true;
    return this.check();
  }

  /** Checks the tag now. Never rejects. */
  check(): Promise<void> {
    this.#isAgain = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#isAgain && !this.#isDisposed) {
      this.#isAgain = false;
      await this.#checkOnce();
    }
    this.#schedule();
  }

  async #checkOnce(): Promise<void> {
    const { image, log, resolve, deploy } = this.#options;
    try {
      const before = this.#known;
      this.#known = await resolve(before);
      this.checkedAt = new Date().toISOString();
      this.failure = undefined;
      const isDone = await deploy(this.#known.digest);
      this.#failures = isDone ? 0 : this.#failures + 1;
    } catch (error) {
      if (this.#isDisposed) return;
      this.#failures += 1;
      this.failure = failureOf(error);
      log.warn({ err: error, image }, "failed to check a followed tag, will retry");
    }
  }

  #schedule(delayMs = this.#delayMs()): void {
    clearTimeout(this.#timer);
    if (this.#isDisposed) return;
    this.#timer = setTimeout(() => void this.#checkOnTime(), delayMs).unref();
  }

  /** Checks without a notification. A lost one shows that more may be lost. */
  async #checkOnTime(): Promise<void> {
    const before = this.#known?.digest;
    const { notifiedAt } = this;
    await this.check();
    if (before === undefined || this.#known?.digest === before || this.notifiedAt !== notifiedAt) return;
    this.#isNotified = false;
    this.#schedule();
  }

  #delayMs(): number {
    const { intervalMs, random = Math.random } = this.#options;
    const afterFailures = Math.min(intervalMs * 2 ** Math.min(this.#failures, 20), BACKOFF_MAX_MS);
    const usual = this.#isNotified ? NOTIFIED_MS : intervalMs;
    const delay = this.#failures > 0 ? Math.max(afterFailures, intervalMs) : usual;
    return delay * (1 - JITTER / 2 + JITTER * random());
  }
}

/** Describes an error for people. */
export function failureOf(error: unknown): FollowFailure {
  const at = new Date().toISOString();
  if (error instanceof FaasError) return { code: error.code, detail: error.message, at };
  return { code: "INTERNAL", detail: "The tag could not be followed: see the server's log", at };
}

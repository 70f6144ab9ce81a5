import type { Logger, Platform } from "@faas/core";
import type { GatewaySessions } from "./session-info.ts";

/** Interval for forgetting gateways whose link broke after their pod was gone. */
const FORGET_MS = 5_000;

export interface GatewayPresenceOptions {
  /** Yields the names of the gateways that run on the platform. */
  readonly running: NonNullable<Platform["gateways"]>;
  readonly sessions: Pick<GatewaySessions, "list" | "expect" | "gone">;
  readonly log: Logger;
  /** @defaultValue 5 s */
  readonly forgetMs?: number;
}

/** Follows which gateways run on the platform: a lost one serves calls for as long as it runs, and none that is gone. */
export class GatewayPresence implements AsyncDisposable {
  readonly #options: GatewayPresenceOptions;
  readonly #stopping = new AbortController();
  #running: ReadonlySet<string> | undefined;
  #following: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GatewayPresenceOptions) {
    this.#options = options;
  }

  start(): void {
    const { log, forgetMs = FORGET_MS } = this.#options;
    this.#following ??= this.#follow().catch((error) => log.error({ err: error }, "failed to follow the gateways"));
    this.#timer ??= setInterval(() => this.#forget(), forgetMs).unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#timer);
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { running, sessions } = this.#options;
    for await (const names of running(this.#stopping.signal)) {
      for (const name of names) if (!this.#running?.has(name)) sessions.expect(name);
      this.#running = new Set(names);
      this.#forget();
    }
  }

  #forget(): void {
    if (this.#running === undefined) return;
    const { sessions } = this.#options;
    for (const { name, state } of sessions.list())
      if (state === "lost" && !this.#running.has(name)) sessions.gone(name);
  }
}

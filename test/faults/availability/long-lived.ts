import { setTimeout as delay } from "node:timers/promises";
import { Agent, type Dispatcher, WebSocket } from "undici";

const RECONNECT_MS = 100;
const OPEN_TIMEOUT_MS = 5_000;
/** Interval of the messages on a socket; the function sends events as often. */
const MESSAGE_MS = 250;
/** Silence after which a client opens another connection: the current one is dead. */
const MAX_SILENCE_MS = 10_000;

/** A client that keeps one connection open for a long time, and opens another one whenever it breaks. */
abstract class LongLived implements AsyncDisposable {
  /** Number of connections that broke. */
  breaks = 0;
  messages = 0;
  longestSilenceMs = 0;
  protected readonly url: string;
  protected readonly headers: Readonly<Record<string, string>>;
  protected readonly agent = new Agent({ connect: { timeout: OPEN_TIMEOUT_MS } });
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #receivedMs = performance.now();

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    this.url = url;
    this.headers = headers;
    this.#running = this.#run();
  }

  /** Receives until the connection ends, the signal is aborted, or nothing comes for `MAX_SILENCE_MS`; calls `received` with each message. */
  protected abstract follow(signal: AbortSignal, received: () => void): Promise<void>;

  /** Forgets what was measured. */
  reset(): void {
    this.breaks = 0;
    this.messages = 0;
    this.longestSilenceMs = 0;
    this.#receivedMs = performance.now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.agent.destroy();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      let isOpen = false;
      const silence = new AbortController();
      const timer = setTimeout(() => silence.abort(), MAX_SILENCE_MS);
      await this.follow(AbortSignal.any([signal, silence.signal]), () => {
        isOpen = true;
        timer.refresh();
        this.#received();
      }).catch(() => {});
      clearTimeout(timer);
      if (signal.aborted) return;
      if (isOpen) this.breaks++;
      await delay(RECONNECT_MS, undefined, { signal }).catch(() => {});
    }
  }

  #received(): void {
    const now = performance.now();
    this.messages++;
    this.longestSilenceMs = Math.max(this.longestSilenceMs, now - this.#receivedMs);
    this.#receivedMs = now;
  }
}

/** Client of server-sent events. */
export class EventStream extends LongLived {
  protected override async follow(signal: AbortSignal, received: () => void): Promise<void> {
    const { origin, pathname } = new URL(this.url);
    const method: Dispatcher.HttpMethod = "GET";
    const { statusCode, body } = await this.agent.request({
      ...{ origin, path: pathname, method, headers: this.headers, signal },
      ...{ headersTimeout: OPEN_TIMEOUT_MS, bodyTimeout: MAX_SILENCE_MS },
    });
    if (statusCode !== 200) return body.dump();
    for await (const _ of body) received();
  }
}

/** Client of a WebSocket whose messages are echoed. */
export class EchoSocket extends LongLived {
  protected override async follow(signal: AbortSignal, received: () => void): Promise<void> {
    const socket = new WebSocket(this.url.replace(/^http/, "ws"), { dispatcher: this.agent, headers: this.headers });
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const timer = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send("message");
    }, MESSAGE_MS);
    socket.addEventListener("message", received);
    socket.addEventListener("error", () => resolve());
    socket.addEventListener("close", () => resolve());
    signal.addEventListener("abort", () => {
      socket.close();
      resolve();
    });
    await closed;
    clearInterval(timer);
  }
}

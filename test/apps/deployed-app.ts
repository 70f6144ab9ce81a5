import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

const MESSAGE_TIMEOUT_MS = 20_000;

/** Application in `folders/` with what it has to respond once it is deployed, without any setting. */
export interface App {
  /** Name of its folder. */
  readonly name: string;
  /** Description that `faas deploy` prints. */
  readonly description: string;
  /** True if it is deployed in `npm test` too, because it installs little. */
  readonly quick?: true;
  /** Completes a copy of the folder, as its developer does before a deployment. */
  readonly prepare?: (folder: string) => Promise<void>;
  check(app: DeployedApp): Promise<void>;
}

/** Client of a deployed application. */
export class DeployedApp {
  /** Address without a slash at its end. */
  readonly address: string;

  constructor(address: string) {
    this.address = address;
  }

  /** Path under which the gateway serves the application. */
  get prefix(): string {
    return new URL(this.address).pathname;
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.address + path, { redirect: "manual", ...init });
  }

  /** Sends a request and returns the text of the response, which has to have this status. */
  async text(path: string, init: RequestInit & { readonly status?: number } = {}): Promise<string> {
    const response = await this.fetch(path, init);
    const text = await response.text();
    assert.equal(response.status, init.status ?? 200, text);
    return text;
  }

  /** Sends a request, with a body if there is one, and returns the parsed JSON of the response, which has to have this status. */
  async json(path: string, body?: unknown, status = 200): Promise<unknown> {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    return JSON.parse(await this.text(path, { ...(body === undefined ? {} : init), status }));
  }

  /** Opens a WebSocket, and waits until it is open. */
  async socket(path: string, protocols: string[] = []): Promise<Socket> {
    const socket = new Socket(new WebSocket(this.address.replace(/^http/, "ws") + path, protocols));
    await socket.opened;
    return socket;
  }
}

/** An open WebSocket whose messages are read one after the other. */
export class Socket {
  readonly webSocket: WebSocket;
  readonly opened: Promise<unknown>;
  readonly closed: Promise<CloseEvent>;
  readonly #messages: unknown[] = [];

  constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.binaryType = "arraybuffer";
    const failed = once(webSocket, "error").then(() => Promise.reject(new Error("the WebSocket failed")));
    failed.catch(() => {});
    this.opened = Promise.race([once(webSocket, "open"), failed]);
    this.closed = once(webSocket, "close").then(([event]) => event as CloseEvent);
    webSocket.addEventListener("message", ({ data }) => this.#messages.push(data));
  }

  send(message: string | Uint8Array<ArrayBuffer>): void {
    this.webSocket.send(message);
  }

  /** Waits for the next message. */
  async next(): Promise<unknown> {
    if (this.#messages.length === 0)
      await Promise.race([
        once(this.webSocket, "message"),
        delay(MESSAGE_TIMEOUT_MS, undefined, { ref: false }).then(() => assert.fail("no message arrived")),
      ]);
    return this.#messages.shift();
  }

  /** Closes the socket and waits for the end of the connection. */
  async close(): Promise<CloseEvent> {
    this.webSocket.close(1000);
    return this.closed;
  }
}

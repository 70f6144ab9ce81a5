import { Readable } from "node:stream";
import { tooLarge } from "./admit.ts";
import type { LiveEndpoint } from "./endpoints.ts";
import type { Exchange } from "./exchange.ts";

/**
 * A body that streams to the replica, no larger than the endpoint allows. It touches the request not before it is read itself:
 * until there is a connection the request can go to another replica. Destroying it leaves the client's connection alone.
 */
export class RequestBody extends Readable {
  readonly #exchange: Exchange;
  #bytes = 0;
  #reading = false;

  constructor(exchange: Exchange) {
    super();
    this.#exchange = exchange;
  }

  override _read(): void {
    const { request, response, expectsContinue } = this.#exchange;
    if (!this.#reading) {
      this.#reading = true;
      if (expectsContinue) response.writeContinue();
      request.on("data", this.#onData);
      request.on("end", this.#onEnd);
    }
    request.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const { request } = this.#exchange;
    request.off("data", this.#onData);
    request.off("end", this.#onEnd);
    callback(error);
  }

  readonly #onData = (chunk: Buffer) => {
    const exchange = this.#exchange;
    const limit = (exchange.endpoint as LiveEndpoint).spec.bodyLimitBytes;
    this.#bytes += chunk.length;
    if (this.#bytes > limit) exchange.fail(tooLarge(limit));
    else if (!this.push(chunk)) exchange.request.pause();
  };

  readonly #onEnd = () => {
    this.push(null);
  };
}

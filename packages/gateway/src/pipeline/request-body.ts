import type { BodySink, BodySource } from "../upstream/replica-request.ts";
import { bodyLimitOf, bodyTooLarge } from "./admit.ts";
import type { RoutedExchange } from "./exchange.ts";

/**
 * A request body that is streamed to the replica, up to the endpoint's limit. It leaves the request untouched until it is started: until there is a connection,
 * the request can go to another replica. Stopping it leaves the client's connection alone.
 */
export class RequestBody implements BodySource {
  readonly length: number | undefined;
  readonly #exchange: RoutedExchange;
  #sink: BodySink | undefined;
  #bytes = 0;

  constructor(exchange: RoutedExchange) {
    this.#exchange = exchange;
    const length = exchange.request.headers["content-length"];
    this.length = length === undefined ? undefined : Number(length);
  }

  start(sink: BodySink): void {
    const { request, response, expectsContinue } = this.#exchange;
    this.#sink = sink;
    if (expectsContinue) response.writeContinue();
    request.on("data", this.#onData);
    request.on("end", this.#onEnd);
    request.resume();
  }

  resume(): void {
    this.#exchange.request.resume();
  }

  stop(): void {
    const { request } = this.#exchange;
    request.off("data", this.#onData);
    request.off("end", this.#onEnd);
  }

  readonly #onData = (chunk: Buffer) => {
    const exchange = this.#exchange;
    this.#bytes += chunk.length;
    if (this.#bytes > bodyLimitOf(exchange.endpoint)) exchange.fail(bodyTooLarge(exchange.endpoint));
    else if (!this.#sink?.write(chunk)) exchange.request.pause();
  };

  readonly #onEnd = () => {
    this.#sink?.end();
  };
}

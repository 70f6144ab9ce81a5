import type { BodyConsumer } from "../http/call/client-call.ts";
import type { BodySink, BodySource } from "../upstream/replica-request.ts";
import { bodyLimitOf, bodyTooLarge } from "./admit.ts";
import type { RoutedExchange } from "./exchange.ts";

/**
 * A request body that is streamed to the replica, up to the endpoint's limit. It leaves the request untouched until it is started: until there is a connection,
 * the request can go to another replica. Stopping it leaves the client's connection alone.
 */
export class RequestBody implements BodySource, BodyConsumer {
  readonly length: number | undefined;
  readonly #exchange: RoutedExchange;
  #sink: BodySink | undefined;
  #bytes = 0;

  constructor(exchange: RoutedExchange) {
    this.#exchange = exchange;
    this.length = exchange.request.bodyLength;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#exchange.request.readBody(this);
  }

  resume(): void {
    this.#exchange.request.resumeBody();
  }

  stop(): void {
    this.#exchange.request.stopBody();
  }

  data(bytes: Buffer): boolean {
    const exchange = this.#exchange;
    this.#bytes += bytes.length;
    if (this.#bytes > bodyLimitOf(exchange.endpoint)) {
      exchange.fail(bodyTooLarge(exchange.endpoint));
      return true;
    }
    return this.#sink?.write(bytes) ?? true;
  }

  end(): void {
    this.#sink?.end();
  }
}

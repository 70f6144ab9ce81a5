import type { ServedEndpoint } from "../endpoints/registry.ts";
import type { BodySink, BodySource } from "../upstream/connection.ts";
import { bodyLimitOf, tooLarge } from "./admit.ts";
import type { Exchange } from "./exchange.ts";

/**
 * A body that streams to the replica, no larger than the endpoint allows. It touches the request not before it is started:
 * until there is a connection the request can go to another replica. Stopping it leaves the client's connection alone.
 */
export class RequestBody implements BodySource {
  readonly length: number | undefined;
  readonly #exchange: Exchange;
  #sink: BodySink | undefined;
  #bytes = 0;

  constructor(exchange: Exchange) {
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
    const endpoint = exchange.endpoint as ServedEndpoint;
    this.#bytes += chunk.length;
    if (this.#bytes > bodyLimitOf(endpoint)) exchange.fail(tooLarge(endpoint));
    else if (!this.#sink?.write(chunk)) exchange.request.pause();
  };

  readonly #onEnd = () => {
    this.#sink?.end();
  };
}

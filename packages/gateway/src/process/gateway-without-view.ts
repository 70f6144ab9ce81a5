import { FaasError } from "@faas/core";
import { HeaderBlock } from "../http/call/header-block.ts";
import { formatProblem, problemResponse } from "../http/problem-response.ts";
import { newRequestId } from "../http/request-id.ts";
import type { Gateway } from "../pipeline/pipeline.ts";

/** Creates the data path of a gateway that does not know the endpoints yet: every call fails with CONTROL_SERVER_AWAY. */
export function gatewayWithoutView(): Gateway {
  return {
    endpointAt: () => undefined,
    request(client) {
      const { status, headers, body } = problemResponse(noView(), client.headers["x-request-id"] ?? newRequestId());
      client.writeHead(status, HeaderBlock.of(Object.entries(headers).flat()), "", false);
      client.end(true, Buffer.from(body));
      // The response is complete: nothing can fail any more.
      return { arrived: performance.now(), fail() {} };
    },
    upgrade(_, socket) {
      socket.on("error", () => socket.destroy());
      socket.end(formatProblem(noView(), newRequestId()));
    },
  };
}

/** Creates the error for a gateway that has not reached the control server since its start. */
export const noView = (): FaasError =>
  new FaasError(
    "CONTROL_SERVER_AWAY",
    "This gateway has just started, and has not reached the control server yet: it does not know the endpoints. Retry shortly",
  );

import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { PROBLEM_MEDIA_TYPE } from "@faas/core";

/** Response to a call of an endpoint. */
export interface CallResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: a problem document or text
  readonly body: any;
}

/** Calls an endpoint on a connection of its own: with POST when there is a body. A list of texts is sent in chunks, without a length. */
export function call(url: string, body?: string | readonly string[]): Promise<CallResponse> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const request = httpRequest(url, { method, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
      response.on("error", reject).on("end", () => {
        const isProblem = response.headers["content-type"] === PROBLEM_MEDIA_TYPE;
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body: isProblem ? JSON.parse(text) : text });
      });
    });
    request.on("error", reject);
    if (typeof body === "object") for (const chunk of body) request.write(chunk);
    request.end(typeof body === "string" ? body : undefined);
  });
}

import type { Call } from "../call.ts";
import { identity } from "../options.ts";
import { clientAddressOf, pathAndQueryOf } from "./request-facts.ts";

/** Content types whose bodies API Gateway sends as text; it encodes all others in base64. */
const TEXT_TYPE = /^\s*(?:text\/|application\/(?:json|javascript|xml|[\w.-]+\+(?:json|xml))\s*(?:;|$))/i;

/** Makes the event of a request in API Gateway's payload format 2.0, with `httpMethod` and `path` of format 1.0. */
export function lambdaEventOf({ request, requestId }: Call, body: Buffer): Record<string, unknown> {
  const { method = "GET", httpVersion } = request;
  const { path, query } = pathAndQueryOf(request);
  const headers = joinedHeaders(request.headers, request.headersDistinct);
  const cookies = headers.cookie?.split(/; */);
  const parameters = query === "" ? undefined : queryParameters(query);
  const now = new Date();
  const domain = headers.host ?? "";
  const isText = isTextBody(headers["content-type"], body);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: query,
    ...(cookies && { cookies }),
    headers,
    ...(parameters && { queryStringParameters: parameters }),
    requestContext: {
      accountId: "anonymous",
      apiId: identity.endpoint,
      domainName: domain,
      domainPrefix: domain.split(".", 1)[0],
      http: {
        method,
        path,
        protocol: `HTTP/${httpVersion}`,
        sourceIp: clientAddressOf(request),
        userAgent: headers["user-agent"] ?? "",
      },
      requestId,
      routeKey: "$default",
      stage: "$default",
      time: logTime(now),
      timeEpoch: now.getTime(),
    },
    ...(body.length > 0 && { body: body.toString(isText ? "utf8" : "base64") }),
    isBase64Encoded: body.length > 0 && !isText,
    httpMethod: method,
    path,
  };
}

/** Joins repeated headers by commas, without those that the wrapper has removed since it received them. */
function joinedHeaders(
  received: NodeJS.Dict<string | string[]>,
  distinct: NodeJS.Dict<string[]>,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name in received) headers[name] = distinct[name]?.join(name === "cookie" ? "; " : ",") ?? "";
  return headers;
}

function queryParameters(query: string): Record<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    const before = parameters.get(name);
    parameters.set(name, before === undefined ? value : `${before},${value}`);
  }
  return Object.fromEntries(parameters);
}

/** Tests whether a body is text, by its type or, without one, by its bytes. */
function isTextBody(type: string | undefined, body: Buffer): boolean {
  if (type !== undefined) return TEXT_TYPE.test(type);
  return process.getBuiltinModule("node:buffer").isUtf8(body);
}

/** Formats a time as in a web server's log: `12/Mar/2020:19:03:58 +0000`. */
function logTime(time: Date): string {
  const [, day, month, year, clock] = time.toUTCString().split(" ");
  return `${day}/${month}/${year}:${clock} +0000`;
}

import type { IncomingMessage } from "node:http";
import type { Call } from "../call.ts";
import { clientAddressOf, parsedBodyOf, parsedQueryOf, pathAndQueryOf } from "./request-facts.ts";

/** Request with the fields of Express that functions use. */
export type ExpressRequest = IncomingMessage & Record<string, unknown>;

/** Adds the fields of an Express request, and the bytes of the body as `rawBody`. */
export function expressRequestOf({ request }: Call, body: Buffer): ExpressRequest {
  const { headers, url } = request;
  const get = (name: string) => headers[/^referrer$/i.test(name) ? "referer" : name.toLowerCase()];
  const protocol = String(headers["x-forwarded-proto"] ?? "http");
  const host = String(headers["x-forwarded-host"] ?? headers.host ?? "");
  const fields = {
    body: parsedBodyOf(request, body) ?? {},
    rawBody: body.length === 0 ? undefined : body,
    query: parsedQueryOf(request),
    path: pathAndQueryOf(request).path,
    originalUrl: url,
    baseUrl: "",
    params: { 0: pathAndQueryOf(request).path },
    protocol,
    secure: protocol === "https",
    host,
    hostname: host.replace(/:\d+$/, ""),
    ip: clientAddressOf(request),
    ips: String(headers["x-forwarded-for"] ?? "")
      .split(/\s*,\s*/)
      .filter(Boolean),
    xhr: /^xmlhttprequest$/i.test(String(headers["x-requested-with"])),
    get,
    header: get,
    is: (...types: string[]) => matchingType(String(headers["content-type"] ?? ""), types.flat()),
  };
  return Object.assign(request, fields) as unknown as ExpressRequest;
}

/** Returns the first of some types, such as `json` or `text/*`, that a content type is; else false. */
function matchingType(contentType: string, types: readonly string[]): string | false {
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() as string;
  const isA = (each: string) =>
    each.includes("*")
      ? type.startsWith(each.replace(/\*.*/, ""))
      : each === type || type.endsWith(`/${each}`) || type.endsWith(`+${each}`);
  return type === "" ? false : (types.find(isA) ?? false);
}

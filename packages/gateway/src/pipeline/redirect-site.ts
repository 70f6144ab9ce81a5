import { HeaderBlock } from "../http/call/header-block.ts";
import { originForm } from "../http/request-path.ts";
import type { Stage } from "./exchange.ts";
import { ownLines } from "./headers/forwarded-headers.ts";

/**
 * Redirects a request for the address of a static site without a slash at its end, as file servers do for folders: relative links of its pages would lead to
 * other endpoints.
 */
export function redirectSite(): Stage {
  return (exchange) => {
    const { endpoint, prefix, request } = exchange;
    const isSite = endpoint.spec.app === "static" && prefix !== "";
    const location = isSite ? withSlash(originForm(request.url), prefix) : undefined;
    if (location === undefined || (request.method !== "GET" && request.method !== "HEAD")) return exchange.proceed();
    exchange.status = 301;
    const headers = HeaderBlock.of(["Location", location, "Content-Length", "0"]);
    exchange.response.writeHead(301, headers, ownLines(exchange, exchange.serverTiming(0)), false);
    exchange.finish(true);
  };
}

/** Returns the address with a slash, relative to the one without: proxies in front may have added a path. Returns undefined for a longer path. */
function withSlash(url: string, prefix: string): string | undefined {
  if (url !== prefix && !url.startsWith(`${prefix}?`)) return undefined;
  return `${prefix.slice(prefix.lastIndexOf("/") + 1)}/${url.slice(prefix.length)}`;
}

import { authorityOf } from "../../http/request-path.ts";
import type { Exchange } from "../exchange.ts";

/** Authority, if there is one, and the rest of a URI reference (RFC 3986 section 4.1) of the schemes http and https. */
const REFERENCE = /^(?:(https?:)?\/\/([^/?#]*))?(.*)$/is;

/**
 * Returns the value of `Location` for the client. A function does not know `/<org>/<endpoint>`, which the gateway removed from the path of its request: the
 * prefix is added to an absolute path on the host that the client used. A path that has it already, or that of another endpoint of the organization, stays.
 * @param isEndpoint tells whether a key, "org/endpoint", is that of an endpoint
 */
export function prefixedLocation(
  location: string,
  { request, prefix }: Pick<Exchange, "request" | "prefix">,
  isEndpoint: (key: string) => boolean,
): string {
  // At its own host, the endpoint has the paths that its function knows.
  if (prefix === "") return location;
  const [, scheme = "", authority, rest = ""] = REFERENCE.exec(location) ?? [];
  if (authority === undefined) {
    // Others are relative to the path that the client used, and need no prefix.
    return rest.startsWith("/") ? prefixed(rest, prefix, isEndpoint) : location;
  }
  const hosts = [authorityOf(request.url, request.headers.host), request.headers["x-forwarded-host"]];
  if (!hosts.some((host) => host !== undefined && sameHost(host, authority))) return location;
  return `${scheme}//${authority}${prefixed(rest.startsWith("/") ? rest : `/${rest}`, prefix, isEndpoint)}`;
}

function prefixed(path: string, prefix: string, isEndpoint: (key: string) => boolean): string {
  const [, org = "", endpoint = ""] = /^\/([^/?#]*)\/([^/?#]*)/.exec(path) ?? [];
  const own = `/${org}/${endpoint}`;
  if (own === prefix || (prefix.startsWith(`/${org}/`) && isEndpoint(own.slice(1)))) return path;
  return prefix + path;
}

/** Compares authorities: case and the default ports do not count. */
const sameHost = (one: string, other: string) => withoutDefaultPort(one) === withoutDefaultPort(other);

const withoutDefaultPort = (authority: string) => authority.toLowerCase().replace(/:(?:80|443)?$/, "");

import { FaasError } from "@faas/core";

const SLASH = 47;
const HYPHEN = 45;

/**
 * Sequences that proxies, file systems and wrappers interpret differently: NUL, the segments `.` and `..` (with dots and slashes percent-encoded or not),
 * and a `%` that starts no percent-encoding (RFC 3986 section 2.1).
 */
const UNSAFE = /%00|%(?![0-9a-f]{2})|(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:$|[/\\]|%2f|%5c)/i;

const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;

/** Returns the host and the port that a request is for: those of an absolute target (RFC 9112 section 3.2.2), else the header `Host`; empty without both. */
export function authorityOf(url: string, host = ""): string {
  return url.charCodeAt(0) === SLASH ? host : (ABSOLUTE.exec(url)?.[1] ?? host);
}

/** Returns the path and query of a request target. Servers must accept `GET http://host/path` too (RFC 9112 section 3.2.2). */
export function originForm(target: string): string {
  if (target.charCodeAt(0) === SLASH) return target;
  const [, , rest] = ABSOLUTE.exec(target) ?? [];
  if (rest === undefined) return target;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/** Returns the path of a request target without the query string, which may contain secrets. */
export function withoutQuery(target: string): string {
  const question = target.indexOf("?");
  return question < 0 ? target : target.slice(0, question);
}

/**
 * Checks a path, without its query, as the gateway and the control API accept it.
 * @throws INVALID_PATH
 */
export function checkPath(path: string): void {
  if (path.charCodeAt(1) === SLASH || !isSafe(path)) throw invalidPath(path, 'a single "/"');
}

/**
 * Checks a path at an endpoint's own host, where it may start with more than one slash, as it may after `/<org>/<endpoint>`.
 * @throws INVALID_PATH
 */
export function checkEndpointPath(path: string): void {
  if (!isSafe(path)) throw invalidPath(path, '"/"');
}

const isSafe = (path: string) =>
  path.charCodeAt(0) === SLASH && (!(path.includes("%") || path.includes(".")) || !UNSAFE.test(path));

function invalidPath(path: string, start: string): FaasError {
  return new FaasError(
    "INVALID_PATH",
    `Invalid path "${path.slice(0, 200)}": it must start with ${start}; "." and ".." segments, %00 and a stray "%" are not allowed`,
  );
}

/** Returns whether the control API serves the path; the gateway serves all others. */
export function isControlPath(url: string): boolean {
  return url.charCodeAt(1) === HYPHEN ? /^\/-(?:[/?]|$)/.test(url) : /^\/add_endpoint(?:\?|$)/.test(url);
}

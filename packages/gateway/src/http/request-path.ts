import { FaasError } from "@faas/core";

const SLASH = 47;
const HYPHEN = 45;

/**
 * Sequences that proxies, file systems and wrappers interpret differently: NUL, the segments `.` and `..` (with dots and slashes percent-encoded or not),
 * and a `%` that starts no percent-encoding (RFC 3986 section 2.1).
 */
const UNSAFE = /%00|%(?![0-9a-f]{2})|(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:$|[/\\]|%2f|%5c)/i;

/** Returns the path and query of a request target. Servers must accept `GET http://host/path` too (RFC 9112 section 3.2.2). */
export function originForm(target: string): string {
  if (target.charCodeAt(0) === SLASH) return target;
  const [, rest] = /^https?:\/\/[^/?#]*(.*)$/i.exec(target) ?? [];
  if (rest === undefined) return target;
  return rest.startsWith("/") ? rest : `/${rest}`;
}

/**
 * Checks a path, without its query, as the gateway and the control API accept it.
 * @throws INVALID_PATH
 */
export function checkPath(path: string): void {
  if (path.charCodeAt(0) === SLASH && path.charCodeAt(1) !== SLASH) {
    if (!(path.includes("%") || path.includes(".")) || !UNSAFE.test(path)) return;
  }
  throw new FaasError(
    "INVALID_PATH",
    `Invalid path "${path.slice(0, 200)}": it must start with a single "/"; "." and ".." segments, %00 and a stray "%" are not allowed`,
  );
}

/** Returns whether the control API serves the path; the gateway serves all others. */
export function isControlPath(url: string): boolean {
  return url.charCodeAt(1) === HYPHEN ? /^\/-(?:[/?]|$)/.test(url) : /^\/add_endpoint(?:\?|$)/.test(url);
}

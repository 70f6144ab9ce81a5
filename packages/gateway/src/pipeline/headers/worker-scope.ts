/**
 * Checks a value of the header Service-Worker-Allowed (W3C Service Workers). It lets a script control pages above its own path: below a prefix, those of
 * other endpoints and of the control server, which have the same origin.
 *
 * @param prefix path of the endpoint; empty at a host of its own
 * @returns whether the scope is within the endpoint
 */
export function isOwnScope(scope: string, prefix: string): boolean {
  if (prefix === "") return true;
  const url = URL.parse(scope, `http://host${prefix}/`);
  return url?.host === "host" && url.pathname.startsWith(`${prefix}/`);
}

/** Name of the cookie that keeps a browser at a revision. */
const STICKY_COOKIE = "faas-split";

/** Lifetime of the cookie. */
const MAX_AGE_SECONDS = 30 * 24 * 60 * 60;

/** Longest key that is looked at: a longer one says no more about the caller. */
const MAX_KEY_LENGTH = 256;

const COOKIE = new RegExp(`(?:^|;)[ \\t]*${STICKY_COOKIE}=([^;]*)`);

/**
 * Returns what identifies the caller of a request; undefined if the request has nothing of the kind.
 *
 * @param sticky `cookie`, or `header:` and a name in lower case
 * @param lines header lines of the request, each with CR LF
 */
export function stickyKeyOf(sticky: string, lines: string): string | undefined {
  const value =
    sticky === "cookie" ? COOKIE.exec(headerIn(lines, "cookie") ?? "")?.[1] : headerIn(lines, headerOf(sticky));
  return value === undefined || value === "" ? undefined : value.slice(0, MAX_KEY_LENGTH);
}

/**
 * Returns the header line that makes a browser send the key with its next calls of the endpoint.
 *
 * @param path of the endpoint as the browser knows it
 */
export function stickyCookieLine(key: string, path: string, isSecure: boolean): string {
  const attributes = `Path=${path}; Max-Age=${MAX_AGE_SECONDS}; HttpOnly; SameSite=Lax${isSecure ? "; Secure" : ""}`;
  return `Set-Cookie: ${STICKY_COOKIE}=${key}; ${attributes}\r\n`;
}

const headerOf = (sticky: string) => sticky.slice("header:".length);

/** Returns the value of a header; of several, the first. */
function headerIn(lines: string, name: string): string | undefined {
  for (let start = 0; start < lines.length; ) {
    const end = lines.indexOf("\r\n", start);
    const stop = end < 0 ? lines.length : end;
    if (lines[start + name.length] === ":" && lines.slice(start, start + name.length).toLowerCase() === name)
      return lines.slice(start + name.length + 1, stop).trim();
    start = stop + 2;
  }
  return undefined;
}

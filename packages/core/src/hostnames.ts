import { z } from "zod";

/** Label of a name (RFC 1123 section 2.1, RFC 1035 section 2.3.4), in upper or lower case. */
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const NAME = String.raw`(?:${LABEL}\.)*${LABEL}\.?`;
const HOSTNAME = `^${NAME}$`;
/** A hostname, or `*.` and one: the star is exactly one label. */
const PATTERN = String.raw`^(?:\*\.)?${NAME}$`;
/** Names that no endpoint can have: IPv4 addresses end with a number, and those below localhost are `<endpoint>.<org>.localhost`. */
const RESERVED = String.raw`(?:^|\.)(?:[0-9]+|[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt])\.?$`;
const MAX_LENGTH = 253;

/** Returns the name in a `Host` header: in lower case, without the port and the dot of a fully qualified name. */
export function hostnameOf(host: string): string {
  return host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
}

/** Returns a hostname, or a pattern, with its non-ASCII labels in the form of DNS (RFC 5891: `xn--…`), if it has any. */
export function asciiHostname(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII begins with NUL
  if (/^[\x00-\x7f]*$/.test(name)) return name;
  const star = name.startsWith("*.") ? "*." : "";
  const url = `http://${name.slice(star.length)}`;
  return URL.canParse(url) && !/[/?#@:\\\s]/.test(name) ? star + new URL(url).hostname : name;
}

function namesSchema(what: string, valid: RegExp) {
  const reserved = new RegExp(RESERVED);
  return z.string().superRefine((name, context) => {
    const ascii = asciiHostname(name);
    let message: string | undefined;
    if (name.length > MAX_LENGTH) message = `expected ${what} of at most ${MAX_LENGTH} characters, got ${name.length}`;
    else if (ascii !== name) message = `expected ${what} in the form of DNS, "${ascii}", got "${name}"`;
    else if (!valid.test(name)) message = `expected ${what}, got "${name}"`;
    else if (reserved.test(name))
      message = `expected ${what}, got "${name}": addresses and names below localhost cannot be assigned`;
    if (message) context.addIssue({ code: "custom", message });
  });
}

/** Schema of a hostname of an endpoint. */
export const hostnameSchema = namesSchema("a hostname such as api.example.com", new RegExp(HOSTNAME)).meta({
  pattern: HOSTNAME,
  maxLength: MAX_LENGTH,
  not: { pattern: RESERVED },
});

/** Schema of an entry in the list of hostnames that an organization may use. */
export const hostnamePatternSchema = namesSchema(
  "a hostname such as shop.example.org or *.example.com",
  new RegExp(PATTERN),
).meta({ pattern: PATTERN, maxLength: MAX_LENGTH, not: { pattern: RESERVED } });

/** Returns hostnames, which are valid, in the form in which they are compared: sorted, without duplicates. */
export function normalizedHostnames(names: readonly string[]): string[] {
  return [...new Set(names.map(hostnameOf))].sort();
}

/** Tells whether a normalized hostname matches an entry of the list: `*.example.com` stands for one label, so neither example.com nor a.b.example.com matches. */
export function isHostnameAllowed(hostname: string, patterns: readonly string[]): boolean {
  const parent = hostname.slice(hostname.indexOf(".") + 1);
  return patterns.some((pattern) => {
    const allowed = hostnameOf(pattern);
    return allowed === hostname || (hostname.includes(".") && allowed === `*.${parent}`);
  });
}

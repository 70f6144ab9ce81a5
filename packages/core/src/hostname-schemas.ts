import { z } from "zod";
import { asciiHostname } from "./hostnames.ts";

/** Label of a name (RFC 1123 section 2.1, RFC 1035 section 2.3.4), in upper or lower case. */
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const NAME = String.raw`(?:${LABEL}\.)*${LABEL}\.?`;
const HOSTNAME = `^${NAME}$`;
/** A hostname, or `*.` and one: the star is exactly one label. */
const PATTERN = String.raw`^(?:\*\.)?${NAME}$`;
/** Names that no endpoint can have: IPv4 addresses end with a number, and those below localhost are `<endpoint>.<org>.localhost`. */
const RESERVED = String.raw`(?:^|\.)(?:[0-9]+|[Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt])\.?$`;
const MAX_LENGTH = 253;

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

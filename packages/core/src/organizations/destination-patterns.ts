import { z } from "zod";

/** Entries of the list of URLs that an organization's asynchronous calls may be passed on to. */

const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const HOST = String.raw`(?:(?:\*\.)?(?:${LABEL}\.)*${LABEL}|\[[0-9A-Fa-f:.]+\])`;
const PATTERN = `^(?:private:)?(?:https?://)?${HOST}(?::[0-9]{1,5})?$`;
const MAX_LENGTH = 300;

/** Schema of an entry: a host, with `http://` if that is allowed, and with `private:` if its addresses may be internal ones. */
export const destinationPatternSchema = z
  .string()
  .max(MAX_LENGTH)
  .regex(
    new RegExp(PATTERN),
    "expected a host such as hooks.example.com, *.example.com:8443, http://10.0.0.5:8080 or private:hooks.internal",
  )
  .refine((text) => parsePattern(text) !== undefined, "expected a valid host and port");

/** Permission for a URL. */
export interface AllowedDestination {
  /** The host may have an address of this machine or of a private network. */
  readonly isPrivate: boolean;
}

interface DestinationPattern extends AllowedDestination {
  readonly protocol: string;
  /** As in a URL, in lower case; it can begin with `*.`. */
  readonly hostname: string;
  /** Empty for the default port of the protocol. */
  readonly port: string;
}

const PRIVATE = "private:";
/** Label in place of a star, which URLs cannot have. */
const ANY = "any-label";

function parsePattern(text: string): DestinationPattern | undefined {
  const isPrivate = text.startsWith(PRIVATE);
  const rest = isPrivate ? text.slice(PRIVATE.length) : text;
  const withScheme = /^https?:\/\//.test(rest) ? rest : `https://${rest}`;
  const isWild = withScheme.includes("//*.");
  const address = withScheme.replace("//*.", `//${ANY}.`);
  if (!URL.canParse(address)) return undefined;
  const { protocol, hostname, port } = new URL(address);
  const host = hostname.replace(/\.$/, "");
  // An address in an entry is the admin's word for it.
  const isAddress = /^[0-9.]+$|^\[/.test(host);
  return {
    ...{ protocol, port, isPrivate: isPrivate || isAddress },
    hostname: isWild ? host.replace(ANY, "*") : host,
  };
}

/**
 * Returns the permission for a URL; undefined if no entry of the list allows it. An entry allows one scheme (https unless it names http), one port (the
 * scheme's unless it names another), and one host; `*.example.com` stands for one label.
 */
export function findAllowedDestination(url: URL, patterns: readonly string[]): AllowedDestination | undefined {
  const hostname = url.hostname.replace(/\.$/, "");
  const wild = `*.${hostname.slice(hostname.indexOf(".") + 1)}`;
  const matching = patterns.flatMap((text) => {
    const pattern = parsePattern(text);
    if (pattern?.protocol !== url.protocol || pattern.port !== url.port) return [];
    return pattern.hostname === hostname || (hostname.includes(".") && pattern.hostname === wild) ? [pattern] : [];
  });
  return matching.length === 0 ? undefined : { isPrivate: matching.some(({ isPrivate }) => isPrivate) };
}

/** Returns the entry that would allow a URL, for a message. */
export const patternFor = ({ protocol, host }: URL): string => (protocol === "https:" ? host : `${protocol}//${host}`);

import { z } from "zod";
import { ENDPOINT_NAME_MAX, LABEL } from "../names.ts";

/** Destinations of asynchronous calls that have ended: another endpoint of the organization, or a URL. */

const NAME = LABEL.source.slice(1, -1);
/** Visible ASCII characters, as in a request target (RFC 3986), without those that start a fragment. */
const TARGET = '[!"$-~]*';
const ENDPOINT = `${NAME}(?:/${TARGET})?`;
/** Without user and password, which would be shown in settings. */
const URL_TEXT = String.raw`https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:[/?]${TARGET})?`;
const PATTERN = `^(?:${ENDPOINT}|${URL_TEXT})$`;
/** Paths that gateways reject: with the segments "." and "..", percent-encoded or not, a NUL, or a "%" that starts no percent-encoding. */
const UNSAFE = String.raw`^[^?]*(?:/(?:\.|%2[eE]){1,2}(?:[/?]|$)|%00|%(?:[0-9A-Fa-f]?[^0-9A-Fa-f]|[0-9A-Fa-f]?$))`;
const MAX_LENGTH = 2_000;

const [valid, unsafe] = [new RegExp(PATTERN), new RegExp(UNSAFE)];

/** Schema of a destination: `alerts`, `alerts/path` or `https://hooks.example.com/path`. */
export const destinationSchema = z
  .string()
  .refine(
    (text) =>
      text.length <= MAX_LENGTH && valid.test(text) && !unsafe.test(text) && parseDestination(text) !== undefined,
    "expected an endpoint of the organization, such as alerts or alerts/path, or a URL without a password, such as https://hooks.example.com/path",
  )
  .meta({ pattern: PATTERN, maxLength: MAX_LENGTH, not: { pattern: UNSAFE } });

/** A parsed destination. */
export type Destination =
  | {
      readonly kind: "endpoint";
      readonly endpoint: string;
      /** Path and query, as the function sees them. */
      readonly target: string;
    }
  | { readonly kind: "url"; readonly url: URL };

/** Parses a destination that the schema has accepted; undefined for a malformed URL or a name that is too long. */
export function parseDestination(text: string): Destination | undefined {
  if (/^https?:\/\//.test(text)) return URL.canParse(text) ? { kind: "url", url: new URL(text) } : undefined;
  const slash = text.indexOf("/");
  const endpoint = slash < 0 ? text : text.slice(0, slash);
  if (endpoint.length > ENDPOINT_NAME_MAX) return undefined;
  return { kind: "endpoint", endpoint, target: slash < 0 ? "/" : text.slice(slash) };
}

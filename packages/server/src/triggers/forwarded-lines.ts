import type { IncomingHttpHeaders } from "node:http";
import { endToEndLines } from "@faas/gateway";

/** Headers that are for this server. The depth is passed on: calls that lead to each other end. */
const OWN_LINE = /^(?:prefer|x-faas-(?!depth:)[^:]*):.*\r\n/gim;

/**
 * Formats the headers of a request that a function gets unchanged, one per line with CR LF.
 *
 * @param excluded names in lower case
 */
export function forwardedLines(
  { headers, rawHeaders }: { readonly headers: IncomingHttpHeaders; readonly rawHeaders: readonly string[] },
  excluded: ReadonlySet<string>,
): string {
  const included: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (!excluded.has((rawHeaders[i] as string).toLowerCase()))
      included.push(rawHeaders[i] as string, rawHeaders[i + 1] as string);
  return endToEndLines(included, headers.connection).replace(OWN_LINE, "");
}

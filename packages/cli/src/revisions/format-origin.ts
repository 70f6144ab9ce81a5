import type { RevisionOrigin } from "@faas/core";

/** Length of a shown commit, as git shows it in larger repositories. */
const COMMIT_LENGTH = 10;

/** Formats the commit of a revision: with a plus sign if there were changes that were not committed. */
export const formatCommit = ({ commit, dirty }: Partial<RevisionOrigin> = {}): string =>
  commit === undefined ? "-" : `${commit.slice(0, COMMIT_LENGTH)}${dirty ? "+" : ""}`;

/** Returns the first line of a message, without control characters, and with at most `maxLength` characters. */
export function formatMessage(message: string, maxLength: number): string {
  const line = (message.trim().split(/[\r\n]/, 1)[0] as string).replaceAll("\t", " ").replaceAll(/\p{C}/gu, "");
  // By characters, so that none is cut in half.
  const characters = [...line];
  return characters.length <= maxLength ? line : `${characters.slice(0, maxLength - 1).join("")}…`;
}

import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { FaasError } from "@faas/core";
import type { Io } from "./io.ts";
import { printStatus } from "./output.ts";

/** Options shared by the commands that remove something. */
export interface ConfirmOptions {
  readonly yes?: boolean;
}

/** Description of `--yes`. */
export const YES_DESCRIPTION = "Remove without confirmation";

/**
 * Checks that the user can be asked, or does not need to be.
 *
 * @throws USAGE when confirmation is needed and standard input is not a terminal
 */
export function checkCanConfirm({ yes }: ConfirmOptions, io: Io): void {
  if (!yes && !io.stdin.isTTY)
    throw new FaasError("USAGE", "Not a terminal: pass --yes to remove without confirmation");
}

/** Asks on the terminal; true without a question when `yes` is set. Prints a status line when the user declines. */
export async function confirm(question: string, { yes }: ConfirmOptions, io: Io): Promise<boolean> {
  if (yes) return true;
  // `terminal: false` leaves Ctrl-C a signal.
  const terminal = createInterface({ input: io.stdin, output: io.stderr, terminal: false });
  try {
    const ended = once(terminal, "close").then(() => "");
    const reply = await Promise.race([terminal.question(`${question} [y/N] `, { signal: io.signal }), ended]);
    if (/^y(es)?$/i.test(reply.trim())) return true;
    printStatus(io, "Nothing was removed.");
    return false;
  } finally {
    terminal.close();
  }
}

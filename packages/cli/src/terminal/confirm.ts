import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { FaasError } from "@faas/core";
import type { Io } from "./io.ts";
import { printStatus } from "./output.ts";

/** What commands that remove something have in common. */
export interface ConfirmOptions {
  readonly yes?: boolean;
}

/** USAGE when a question would be needed and nobody is there to answer it. */
export function checkCanAsk({ yes }: ConfirmOptions, io: Io): void {
  if (!yes && !io.stdin.isTTY)
    throw new FaasError("USAGE", "Nobody can be asked here: say --yes to remove without a question");
}

/** Asks on the terminal; true with `yes`. Says so when nothing is to be removed. */
export async function confirmed(question: string, { yes }: ConfirmOptions, io: Io): Promise<boolean> {
  if (yes) return true;
  // Not `terminal`: Ctrl-C stays a signal.
  const terminal = createInterface({ input: io.stdin, output: io.stderr, terminal: false });
  try {
    const ended = once(terminal, "close").then(() => "");
    const answer = await Promise.race([terminal.question(`${question} [y/N] `, { signal: io.signal }), ended]);
    if (/^y(es)?$/i.test(answer.trim())) return true;
    printStatus(io, "Nothing was removed.");
    return false;
  } finally {
    terminal.close();
  }
}

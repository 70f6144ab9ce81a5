import { addAbortSignal } from "node:stream";
import { FaasError } from "@faas/core";
import type { Io } from "./io.ts";

/** All of standard input without the line break at its end, as `docker login --password-stdin` has it. USAGE when it is empty, or no text. */
export async function readSecretFromStdin(what: string, { stdin, signal }: Io): Promise<string> {
  const pieces: Buffer[] = [];
  // Whoever was to write may never do.
  addAbortSignal(signal, stdin);
  for await (const piece of stdin.iterator({ destroyOnReturn: false })) {
    pieces.push(Buffer.from(piece));
  }
  const secret = textOf(Buffer.concat(pieces), what).replace(/\r?\n$/, "");
  if (secret === "") throw new FaasError("USAGE", `Expected ${what} on standard input, and it is empty`);
  return secret;
}

function textOf(bytes: Buffer, what: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FaasError("USAGE", `Expected ${what} on standard input to be text in UTF-8`);
  }
}

const ENTER = /[\r\n]/;
const CTRL_C = "\x03";
const CTRL_D = "\x04";

/** Asks on the terminal; what is typed does not show. Rejects with the signal's reason on Ctrl-C. */
export async function askSecret(question: string, io: Io): Promise<string> {
  const stdin = io.stdin as Io["stdin"] & { setRawMode?: (raw: boolean) => void };
  addAbortSignal(io.signal, stdin);
  // The terminal would else show it by itself. Before it is asked for: some type at once, and programs do.
  stdin.setRawMode?.(true);
  io.stderr.write(question);
  let typed = "";
  try {
    stdin.setEncoding("utf8");
    for await (const piece of stdin.iterator({ destroyOnReturn: false })) {
      for (const character of piece as string) {
        if (character === CTRL_C) throw new FaasError("USAGE", "Nothing was kept");
        if (ENTER.test(character) || character === CTRL_D) return typed;
        typed = character === "\x7f" || character === "\b" ? typed.slice(0, -1) : typed + character;
      }
    }
    return typed;
  } finally {
    stdin.setRawMode?.(false);
    stdin.pause();
    io.stderr.write("\n");
  }
}

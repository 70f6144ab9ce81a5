import { addAbortSignal } from "node:stream";
import { FaasError } from "@faas/core";
import type { Io } from "./io.ts";

/**
 * Reads all of standard input, without the line break at its end, as `docker login --password-stdin` does.
 *
 * @param name noun phrase for messages, such as "a key"
 * @throws USAGE when it is empty or not UTF-8
 */
export async function readSecretFromStdin(name: string, { stdin, signal }: Io): Promise<string> {
  const chunks: Buffer[] = [];
  // The writer may never end.
  addAbortSignal(signal, stdin);
  for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
    chunks.push(Buffer.from(chunk));
  }
  const expected = `Expected ${name} on standard input to be text in UTF-8`;
  const secret = decodeUtf8(Buffer.concat(chunks), expected).replace(/\r?\n$/, "");
  if (secret === "") throw new FaasError("USAGE", `Expected ${name} on standard input, got nothing`);
  return secret;
}

/**
 * Decodes a secret byte for byte: a byte order mark stays.
 *
 * @throws USAGE with the message `expected` for bytes that are not UTF-8
 */
export function decodeUtf8(bytes: Buffer, expected: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FaasError("USAGE", expected);
  }
}

const ENTER = /[\r\n]/;
const CTRL_C = "\x03";
const CTRL_D = "\x04";

/**
 * Asks on the terminal without echoing the input. Rejects with the signal's reason when it aborts.
 *
 * @throws USAGE on Ctrl-C
 */
export async function promptSecret(question: string, io: Io): Promise<string> {
  const stdin = io.stdin as Io["stdin"] & { setRawMode?: (raw: boolean) => void };
  addAbortSignal(io.signal, stdin);
  // Raw mode turns the terminal's echo off. Set before the question: programs, and some users, type at once.
  stdin.setRawMode?.(true);
  io.stderr.write(question);
  let typed = "";
  try {
    stdin.setEncoding("utf8");
    for await (const chunk of stdin.iterator({ destroyOnReturn: false })) {
      for (const character of chunk as string) {
        if (character === CTRL_C) throw new FaasError("USAGE", "Interrupted: nothing was saved");
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

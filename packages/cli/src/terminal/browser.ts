import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Io } from "./io.ts";
import { printStatus } from "./output.ts";

/** Program that opens an address in the user's browser, by operating system. */
const OPENERS: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ["open"],
  win32: ["explorer.exe"],
};

/** Opens an address in the user's browser, or with the program that BROWSER names. Without a browser, prints what to do instead. */
export async function openBrowser(address: string, io: Io): Promise<void> {
  const [program = "", ...options] = io.env.BROWSER ? [io.env.BROWSER] : (OPENERS[process.platform] ?? ["xdg-open"]);
  const child = spawn(program, [...options, address], { stdio: "ignore", detached: true, env: { ...io.env } });
  try {
    await once(child, "spawn");
    child.unref();
  } catch {
    printStatus(io, `Cannot start a browser with "${program}". Open the address yourself, or set BROWSER.`);
  }
}

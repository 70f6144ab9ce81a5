import { readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { EXTENSIONS, folder, nameOf, pathOf, WRAPPER_FILE } from "./options.ts";

/**
 * Finds a syntax error in the handler's file, or else in a file next to it. Returns the output of `node --check`, which has the line; the error of an
 * import does not.
 */
export async function describeSyntaxError(file: string): Promise<string | undefined> {
  const { spawnSync } = process.getBuiltinModule("node:child_process");
  const others = readdirSync(folder).filter((name) => EXTENSIONS.includes(extname(name)) && name !== WRAPPER_FILE);
  for (const path of [file, ...others.map(pathOf)]) {
    const { status, stderr } = spawnSync(process.execPath, ["--check", path], { encoding: "utf8", timeout: 5_000 });
    if (status !== 0) return stderr.split("\n    at ", 1)[0]?.trim();
  }
  return undefined;
}

/** Returns the first `file:line` of the user's code in a stack or in the text of a syntax error. */
export function locationIn(text: string): string | undefined {
  for (const [, path = "", line] of text.matchAll(/(?:file:\/\/)?(\/[^\s:()]+):(\d+)/g)) {
    const name = nameOf(decodeURI(path));
    if (!name.startsWith("..") && name !== WRAPPER_FILE) return `${name}:${line}`;
  }
  return undefined;
}

/** Returns the text of an error without the line, or lines, of its message. */
export function withoutMessage(text: string, message: string): string {
  const at = message === "" ? -1 : text.indexOf(message);
  if (at < 0) return text;
  const begin = text.lastIndexOf("\n", at) + 1;
  const end = text.indexOf("\n", at + message.length);
  return (text.slice(0, begin) + (end < 0 ? "" : text.slice(end + 1))).trimEnd();
}

/** Returns a message with the user's own paths, and with what to do about a package that was not installed, because only those in `dependencies` are. */
export function explain(message: string): string {
  const text = message.replaceAll(`${pathToFileURL(folder).href}/`, "").replaceAll(join(folder, "/"), "");
  const [, name] = /^Cannot find (?:package|module) '((?:@[^/']+\/)?[^@./'][^/']*)/.exec(message) ?? [];
  return name === undefined ? text : `${text}. Add "${name}" to "dependencies" in package.json`;
}

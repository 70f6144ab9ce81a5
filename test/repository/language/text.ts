import { scriptSpans } from "./script-text.ts";
import type { Span } from "./span.ts";
import { typescriptSpans } from "./typescript-text.ts";

/** Character that replaces what nobody reads as a sentence. It matches no word and no white space. */
export const hidden = "\0";

/** Finds what a person reads in a source file, by the extension of its name. */
export function spansOf(file: string, source: string): Span[] {
  return /\.[mc]?[jt]sx?$/.test(file) ? typescriptSpans(source) : scriptSpans(source);
}

/**
 * Replaces everything but comments and messages by {@link hidden}, so that positions and lines stay.
 * Comment markers become spaces: a phrase that is wrapped over two lines is still found.
 */
export function readableText(source: string, spans: readonly Span[]): string {
  let text = "";
  let position = 0;
  for (const { kind, start, end } of spans) {
    text += hide(source.slice(position, start));
    text += kind === "string" ? messageText(source.slice(start, end)) : commentText(source.slice(start, end));
    position = end;
  }
  return text + hide(source.slice(position));
}

/** Hides `text`, but keeps its white space. */
export const hide = (text: string) => text.replaceAll(/\S/g, hidden);

/** Keeps strings of several words, and parts of them; a single word is an identifier more often than a message. */
function messageText(text: string): string {
  return /[A-Za-z]\s|\s[A-Za-z]/.test(text) ? text : hide(text);
}

function commentText(text: string): string {
  return text
    .replace(/^(?:\/\*+|\/\/+|#+)|\*\/$/g, (marker) => " ".repeat(marker.length))
    .replaceAll(/\n( *)\*/g, "\n$1 ")
    .replaceAll(/`[^`\n]*`/g, hide);
}

/** Gives the line number of a position, counted from 1. */
export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < position; at = text.indexOf("\n", at + 1)) line++;
  return line;
}

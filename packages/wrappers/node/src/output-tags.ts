import { AsyncLocalStorage } from "node:async_hooks";
import type { EventEmitter } from "node:events";

/**
 * Tags of the lines that the user's code prints, with the stream and the id of the call that prints them: `\x1e`, `o` or `e`, the id, `\x1f`. The platform
 * removes the tag and stores its contents beside the line (docs/wrapper-protocol.md, "Output").
 */

/** Id of the call that the present code runs for. Absent where lines are not tagged: following calls costs all asynchronous code a little. */
let calls: AsyncLocalStorage<string> | undefined;

/** Tags lines from now on, if the platform asks for it. */
export function readTagSetting(): void {
  if (process.env.FAAS_OUTPUT_TAGS === "1") calls = new AsyncLocalStorage();
}

/** Returns whether lines are tagged. */
export const isTagging = (): boolean => calls !== undefined;

/** Runs code for a call: lines that it prints, now and later, carry the call's id. */
export function runForCall<First, Second>(
  requestId: string,
  run: (first: First, second: Second) => void,
  first: First,
  second: Second,
): void {
  if (calls === undefined) run(first, second);
  else calls.run(requestId, run, first, second);
}

/** Lets the listeners of an emitter run for a call. Node emits the events of a connection outside of it. */
export function emitForCall(emitter: EventEmitter, requestId: string): void {
  const storage = calls;
  if (storage === undefined) return;
  const { emit } = emitter;
  emitter.emit = (...args) => storage.run(requestId, () => emit.apply(emitter, args));
}

/** Makes a standard stream tag the lines that are written to it. Does nothing where lines are not tagged. */
export function tagLines(stream: NodeJS.WriteStream, name: "stdout" | "stderr"): void {
  const storage = calls;
  if (storage === undefined) return;
  const write = stream.write as (...args: unknown[]) => boolean;
  const letter = name === "stdout" ? "o" : "e";
  let isAtLineStart = true;
  stream.write = (chunk: unknown, ...rest: unknown[]): boolean => {
    const requestId = storage.getStore() ?? "";
    // Lines on stdout outside of calls have nothing to tell.
    const tag = requestId === "" && letter === "o" ? "" : `\x1e${letter}${requestId}\x1f`;
    const [text, encoding] = asText(chunk, rest[0]);
    if (text === undefined || text === "") return write.call(stream, chunk, ...rest);
    const first = isAtLineStart ? tag : "";
    isAtLineStart = text.endsWith("\n");
    if (tag === "") return write.call(stream, chunk, ...rest);
    const tagged = first + tagInnerLines(text, tag);
    const callback = rest.find((argument) => typeof argument === "function");
    return write.call(stream, tagged, encoding, callback);
  };
}

/** Returns what is written as text and its encoding; no text for what the stream rejects, or encodes itself. */
function asText(chunk: unknown, encoding: unknown): [text: string | undefined, encoding: BufferEncoding] {
  if (typeof chunk !== "string")
    return [
      chunk instanceof Uint8Array
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString("latin1")
        : undefined,
      "latin1",
    ];
  if (typeof encoding !== "string" || /^utf-?8$/i.test(encoding)) return [chunk, "utf8"];
  return Buffer.isEncoding(encoding)
    ? [Buffer.from(chunk, encoding).toString("latin1"), "latin1"]
    : [undefined, "utf8"];
}

/** Puts the tag before each line but the first. */
function tagInnerLines(text: string, tag: string): string {
  const end = text.indexOf("\n");
  if (end < 0 || end === text.length - 1) return text;
  return text.replaceAll(/\n(?!$)/g, `\n${tag}`);
}

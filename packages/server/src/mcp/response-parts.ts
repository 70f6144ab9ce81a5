import { StringDecoder } from "node:string_decoder";

/** Streamed responses of tools: parts before the last one are progress, and the last one is the result. */

/** Progress of a call, as agents see it. */
export interface ToolProgress {
  readonly progress: number;
  readonly total?: number;
  readonly message?: string;
}

/** Longest message of a progress notification, in characters. */
const MESSAGE_MAX = 1_000;

/** Media type without its parameters, in lower case. */
export const mediaTypeOf = (contentType: string): string => contentType.replace(/;.*/s, "").trim().toLowerCase();

const EVENTS = "text/event-stream";
const LINES: ReadonlySet<string> = new Set(["application/x-ndjson", "application/jsonl", "application/ndjson"]);

/** Tells whether the last part of a response with this media type is its result. */
export const isPartwise = (mediaType: string): boolean => mediaType === EVENTS || LINES.has(mediaType);

/** Type of streams of functions that do not name one, and of bytes. */
export const UNKNOWN = "application/octet-stream";

/** Tells whether decoded bytes are text: they were valid UTF-8, without control characters other than white space. */
export const isText = (decoded: string): boolean => !/\ufffd|(?!\s)\p{Cc}/u.test(decoded);

/** Returns the last part of a whole response: the data of the last event, or the last line. */
export function lastPart(text: string, mediaType: string): string {
  const parts = mediaType === EVENTS ? eventsIn(text.split(/\r?\n\r?\n/)) : text.split("\n");
  return parts.findLast((part) => part.trim() !== "") ?? "";
}

/** Reads the parts of a response as they come, and reports each as progress once it is not the last one. */
export class ProgressReader {
  readonly #report: (progress: ToolProgress) => void;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  #last: string | undefined;
  #progress = 0;

  constructor(report: (progress: ToolProgress) => void) {
    this.#report = report;
  }

  /** Takes bytes of the body. */
  read(bytes: Buffer, contentType: string): void {
    const mediaType = mediaTypeOf(contentType);
    const text = this.#decoder.write(bytes);
    if (mediaType === EVENTS || LINES.has(mediaType)) this.#split(text, mediaType);
    else if (text !== "" && (mediaType.startsWith("text/") || (mediaType === UNKNOWN && isText(text))))
      this.#take(text);
  }

  #split(text: string, mediaType: string): void {
    const isEvents = mediaType === EVENTS;
    const pieces = (this.#rest + text).split(isEvents ? /\r?\n\r?\n/ : "\n");
    this.#rest = pieces.pop() ?? "";
    for (const part of isEvents ? eventsIn(pieces) : pieces) {
      if (part.trim() !== "") this.#take(part);
    }
  }

  #take(part: string): void {
    if (this.#last !== undefined) this.#send(this.#last);
    this.#last = part;
  }

  #send(part: string): void {
    const { progress, total, message = progress === undefined ? part.trim() : "" } = fieldsOf(part);
    // Progress must increase with each notification.
    this.#progress = progress !== undefined && progress > this.#progress ? progress : this.#progress + 1;
    this.#report({
      progress: this.#progress,
      ...(total === undefined ? {} : { total }),
      ...(message === "" ? {} : { message: message.slice(0, MESSAGE_MAX) }),
    });
  }
}

/** Returns the data of events, without those that have none. */
const eventsIn = (events: readonly string[]): string[] =>
  events.flatMap((event) => {
    const lines = event.split(/\r?\n/).flatMap((line) => /^data: ?(.*)$/s.exec(line)?.[1] ?? []);
    return lines.length === 0 ? [] : [lines.join("\n")];
  });

function fieldsOf(part: string): Partial<ToolProgress> {
  const value = parsedObject(part);
  if (value === undefined) return {};
  const { progress, total, message } = value;
  return {
    ...(typeof progress === "number" && Number.isFinite(progress) ? { progress } : {}),
    ...(typeof total === "number" && Number.isFinite(total) ? { total } : {}),
    ...(typeof message === "string" ? { message } : {}),
  };
}

/** Parses text that is a JSON object; undefined for anything else. */
export function parsedObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

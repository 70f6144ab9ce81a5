import { HeaderField } from "./header-field.ts";

/** The headers of a response, formatted once, however many responses have them. */
export class HeaderBlock {
  readonly fields: readonly HeaderField[];
  /** There is a Date. */
  readonly isDated: boolean;
  /** There is a Content-Length. */
  readonly isSized: boolean;
  /** There is a Location. */
  readonly isRedirect: boolean;
  /** There is a Service-Worker-Allowed. */
  readonly hasWorkerScope: boolean;
  #lines: string | undefined;

  constructor(fields: readonly HeaderField[]) {
    this.fields = fields;
    this.isDated = fields.some(({ key }) => key === "date");
    this.isSized = fields.some(({ key }) => key === "content-length");
    this.isRedirect = fields.some(({ key }) => key === "location");
    this.hasWorkerScope = fields.some(({ key }) => key === "service-worker-allowed");
  }

  /** Creates a block of alternating names and values. */
  static of(list: readonly string[]): HeaderBlock {
    const fields: HeaderField[] = [];
    for (let i = 0; i < list.length; i += 2) fields.push(new HeaderField(list[i] as string, list[i + 1] as string));
    return new HeaderBlock(fields);
  }

  /** Returns the fields as lines, each with CR LF. Throws the errors of `node:http` for names and values that are not allowed. */
  lines(): string {
    this.#lines ??= flat(this.fields.map((field) => field.line()).join(""));
    return this.#lines;
  }
}

/** Returns the text as one piece: V8 would put it together again at each write. */
export const flat = (text: string): string => Buffer.from(text, "latin1").toString("latin1");

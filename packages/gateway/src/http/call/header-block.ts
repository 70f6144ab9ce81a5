import { validateHeaderName, validateHeaderValue } from "node:http";

/** Characters that must not be in the value of a header (RFC 9110 section 5.5). */
const INVALID_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Headers of a response, checked and formatted once, however many responses have them. */
export class HeaderBlock {
  /** Alternating names and values. */
  readonly list: readonly string[];
  /** There is a Date. */
  readonly dated: boolean;
  /** There is a Content-Length. */
  readonly sized: boolean;
  #lines: string | undefined;

  constructor(list: readonly string[]) {
    this.list = list;
    let dated = false;
    let sized = false;
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i] as string;
      if (name.length === 4) dated ||= name.toLowerCase() === "date";
      else if (name.length === 14) sized ||= name.toLowerCase() === "content-length";
    }
    this.dated = dated;
    this.sized = sized;
  }

  /** Returns the lines of the headers, each with CR LF. Throws the errors of `node:http` for names and values that are not allowed. */
  lines(): string {
    this.#lines ??= headerLines(this.list);
    return this.#lines;
  }
}

function headerLines(headers: readonly string[]): string {
  let lines = "";
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    validateHeaderName(name);
    if (INVALID_VALUE.test(value)) validateHeaderValue(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

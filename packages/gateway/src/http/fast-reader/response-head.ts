import { STATUS_CODES, validateHeaderName, validateHeaderValue } from "node:http";

/** Characters that must not be in the value of a header (RFC 9110 section 5.5). */
const INVALID_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Names that are tokens: functions use few. */
const knownNames = new Set<string>();
const MAX_KNOWN_NAMES = 1_000;

/** Formats header lines, each with CR LF. Throws the errors of `node:http` for names and values that it would not send. */
export function headerLines(headers: readonly string[]): string {
  let lines = "";
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    if (!knownNames.has(name)) {
      validateHeaderName(name);
      if (knownNames.size < MAX_KNOWN_NAMES) knownNames.add(name);
    }
    if (INVALID_VALUE.test(value)) validateHeaderValue(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** Returns the first line of a response. */
export function statusLine(status: number): string {
  return status === 200 ? "HTTP/1.1 200 OK\r\n" : `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "unknown"}\r\n`;
}

let dateSecond = -1;
let date = "";

/** Returns the line `Date` for the present second. */
export function dateLine(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = `Date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return date;
}

import { validateHeaderName, validateHeaderValue } from "node:http";
import { HOP_BY_HOP } from "./end-to-end-headers.ts";

/** Headers of a response that are not passed on: those of one connection, and those that the gateway sets itself. */
const DROPPED: ReadonlySet<string> = new Set([...HOP_BY_HOP, "x-request-id", "x-cold-start"]);

/** Characters that must not be in the value of a header (RFC 9110 section 5.5). */
const INVALID_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** A header field of a response. */
export class HeaderField {
  /** As the client receives it. */
  readonly name: string;
  readonly value: string;
  /** Name in lower case. */
  readonly key: string;
  /** True if it is passed on from the replica to the client. */
  readonly isPassedOn: boolean;
  #line: string | undefined;

  /** Line without CR LF, as it was received. */
  readonly received: string;

  constructor(name: string, value: string, received = "") {
    this.received = received;
    this.name = name;
    this.value = value;
    this.key = name.toLowerCase();
    this.isPassedOn = !DROPPED.has(this.key);
  }

  /** Returns the field as a line with CR LF. Throws the errors of `node:http` for a name or a value that is not allowed. */
  line(): string {
    if (this.#line === undefined) {
      validateHeaderName(this.name);
      if (INVALID_VALUE.test(this.value)) validateHeaderValue(this.name, this.value);
      this.#line = `${this.name}: ${this.value}\r\n`;
    }
    return this.#line;
  }
}

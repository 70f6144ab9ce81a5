/** A message of a stream of server-sent events. */
export interface StreamMessage {
  /** Absent: the stream cannot be resumed from it. */
  readonly id?: string;
  readonly data: string;
}

/** Parses a stream of server-sent events (WHATWG HTML section 9.2.6), as far as `GET /-/events` uses them. */
export class EventStreamParser {
  #rest = "";
  #id: string | undefined;
  #data: string[] = [];

  /** Returns the messages that a piece of text completes. */
  *push(text: string): Generator<StreamMessage> {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() as string;
    for (const line of lines) {
      if (line !== "") this.#field(line);
      else if (this.#data.length > 0) yield { ...(this.#id === undefined ? {} : { id: this.#id }), ...this.#take() };
    }
  }

  #field(line: string): void {
    const [, name, value = ""] = /^([^:]+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name === "data") this.#data.push(value);
    else if (name === "id") this.#id = value;
  }

  #take(): Pick<StreamMessage, "data"> {
    const data = this.#data.join("\n");
    this.#data = [];
    this.#id = undefined;
    return { data };
  }
}

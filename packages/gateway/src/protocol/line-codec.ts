/** Longest line that is accepted: more than any message has. */
const MAX_LINE_LENGTH = 16 * 2 ** 20;

/** Formats a message as a line. */
export const encodeMessage = <Message extends { readonly type: string }>(message: Message): string =>
  `${JSON.stringify(message)}\n`;

/** Splits received text into lines, and parses them as messages. */
export class MessageDecoder<Message extends { readonly type: string }> {
  readonly #onMessage: (message: Message) => void;
  #rest = "";

  /** @param onMessage called for each message; it ignores those of unknown types */
  constructor(onMessage: (message: Message) => void) {
    this.#onMessage = onMessage;
  }

  /**
   * Takes received text.
   * @throws SyntaxError for a line that is not a message: the link must be closed
   */
  push(text: string): void {
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      const line = this.#rest + text.slice(start, end);
      this.#rest = "";
      start = end + 1;
      if (line !== "") this.#onMessage(parseMessage(line) as Message);
    }
    this.#rest += text.slice(start);
    if (this.#rest.length > MAX_LINE_LENGTH) throw new SyntaxError("a line is too long");
  }
}

function parseMessage(line: string): { readonly type: string } {
  const message: unknown = JSON.parse(line);
  if (typeof message === "object" && message !== null && "type" in message && typeof message.type === "string")
    return message as { readonly type: string };
  throw new SyntaxError("a line is not a message");
}

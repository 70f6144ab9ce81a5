/** Lines of a stream without their ends; empty ones are left out, and one that the stream broke off in unless it is `whole` without an end. */
export async function* linesOf(body: AsyncIterable<Buffer>, whole: boolean): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of body) {
    const text = rest + decoder.decode(piece, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      if (end > start) yield text.slice(start, end);
      start = end + 1;
    }
    rest = text.slice(start);
  }
  if (whole && rest !== "") yield rest;
}

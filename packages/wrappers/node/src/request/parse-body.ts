import { messageOf, Problem } from "../problem.ts";

/**
 * Parses a body by its content type: JSON to a value, text to a string, everything else stays bytes. An empty body is null.
 *
 * @throws MALFORMED_JSON
 */
export function parseBody(bytes: Buffer, contentType = ""): unknown {
  if (bytes.length === 0) return null;
  const type = (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
  if (type === "application/json" || type === "text/json" || type.endsWith("+json")) {
    try {
      // A byte order mark, which some clients send, is not JSON (RFC 8259 section 8.1).
      return JSON.parse(bytes.toString("utf8", startsWithMark(bytes) ? 3 : 0));
    } catch (error) {
      throw new Problem("MALFORMED_JSON", `The body's type is ${type}, but it is not valid JSON: ${messageOf(error)}`);
    }
  }
  if (!type.startsWith("text/") && type !== "application/x-www-form-urlencoded") return bytes;
  const charset = /charset="?([\w-]+)/i.exec(contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset, { ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.toString("utf8");
  }
}

function startsWithMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

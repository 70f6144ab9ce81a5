import { PROBLEM_MEDIA_TYPE } from "@faas/core";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { isPartwise, isText, lastPart, mediaTypeOf, parsedObject, UNKNOWN } from "./response-parts.ts";

/** Response of an endpoint to the call of a tool. */
export interface ToolResponse {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
  /** Length of the whole body, of which `body` may be the beginning. */
  readonly bytes: number;
  /** The response ended early. */
  readonly isBroken?: boolean;
}

/**
 * Converts the response of an endpoint to the result of a tool: an object as JSON is structured content, text is text, images and audio are of their
 * kind, and everything else is an embedded resource. A redirect and a status from 400 on are errors that the agent sees.
 *
 * @param uri identifies the tool in embedded resources
 */
export function toolResult(response: ToolResponse, uri: string): CallToolResult {
  const { status, headers, body, bytes, isBroken } = response;
  if (isBroken) return toolError("The response of the tool ended early: its replica failed. Try again");
  if (bytes > body.length)
    return toolError(`The response of the tool has ${bytes} bytes: expected at most ${body.length}`);
  const header = (searched: string) => headers.find(([name]) => name.toLowerCase() === searched)?.[1];
  const location = header("location");
  if (status >= 300 && status < 400 && location !== undefined)
    return toolError(
      `The tool responded with a redirect (${status}) to ${location}: its "path" should be that of the result`,
    );
  const encoding = header("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity")
    return toolError(
      `The response of the tool is compressed (${encoding}): expected none, as its Accept-Encoding says`,
    );
  const contentType = header("content-type") ?? "";
  const mediaType = mediaTypeOf(contentType);
  if (status >= 400) return toolError(errorText(status, textOf(body, contentType), mediaType));
  return contentOf(body, contentType, uri);
}

/** Decodes a body by the charset of its type; UTF-8 without one that is known. */
function textOf(body: Buffer, contentType: string): string {
  const charset = charsetOf(contentType);
  return charset === undefined ? body.toString() : new TextDecoder(charset).decode(body);
}

/** Creates the result of a call that has failed, which an agent reads. */
export const toolError = (text: string): CallToolResult => ({ content: [{ type: "text", text }], isError: true });

function errorText(status: number, body: string, mediaType: string): string {
  const problem = mediaType === PROBLEM_MEDIA_TYPE ? parsedObject(body) : undefined;
  if (problem === undefined) return body.trim() === "" ? `The tool responded with the status ${status}` : body;
  const { title, detail = title, code } = problem;
  return code === undefined ? String(detail) : `${detail} (${code})`;
}

function contentOf(body: Buffer, contentType: string, uri: string): CallToolResult {
  const mediaType = mediaTypeOf(contentType);
  if (isPartwise(mediaType)) return textResult(lastPart(body.toString(), mediaType));
  if (mediaType === "application/json" || mediaType.endsWith("+json")) return textResult(body.toString());
  // Functions that return text may have no type.
  if (mediaType === "" || mediaType.startsWith("text/"))
    return { content: body.length === 0 ? [] : [{ type: "text", text: textOf(body, contentType) }] };
  if (mediaType === UNKNOWN && isText(body.toString())) return { content: [{ type: "text", text: body.toString() }] };
  const [kind] = mediaType.split("/");
  const data = body.toString("base64");
  if (kind === "image" || kind === "audio") return { content: [{ type: kind, data, mimeType: mediaType }] };
  return { content: [{ type: "resource", resource: { uri, mimeType: mediaType, blob: data } }] };
}

/** Returns the charset of a type, if it names one that can be decoded. */
function charsetOf(contentType: string): string | undefined {
  const label = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1];
  if (label === undefined) return undefined;
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}

/** Creates a result with text that may be JSON. */
function textResult(text: string): CallToolResult {
  const structuredContent = parsedObject(text);
  return { content: [{ type: "text", text }], ...(structuredContent === undefined ? {} : { structuredContent }) };
}

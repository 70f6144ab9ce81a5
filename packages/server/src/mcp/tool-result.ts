import { PROBLEM_MEDIA_TYPE } from "@faas/core";
import type { CallToolResult } from "@modelcontextprotocol/server";
import { isPartwise, lastPart, mediaTypeOf, parsedObject } from "./response-parts.ts";

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
 * kind, and everything else is an embedded resource. A status from 400 on is an error that the agent sees.
 *
 * @param uri identifies the tool in embedded resources
 */
export function toolResult(response: ToolResponse, uri: string): CallToolResult {
  const { status, headers, body, bytes, isBroken } = response;
  if (isBroken) return toolError("The response of the tool ended early: its replica failed. Try again");
  if (bytes > body.length)
    return toolError(`The response of the tool has ${bytes} bytes: expected at most ${body.length}`);
  const contentType = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  const mediaType = mediaTypeOf(contentType);
  if (status >= 400) return toolError(errorText(status, body.toString(), mediaType));
  return contentOf(body, mediaType, uri);
}

/** Creates the result of a call that has failed, which an agent reads. */
export const toolError = (text: string): CallToolResult => ({ content: [{ type: "text", text }], isError: true });

function errorText(status: number, body: string, mediaType: string): string {
  const problem = mediaType === PROBLEM_MEDIA_TYPE ? parsedObject(body) : undefined;
  if (problem === undefined) return body.trim() === "" ? `The tool responded with the status ${status}` : body;
  const { title, detail = title, code } = problem;
  return code === undefined ? String(detail) : `${detail} (${code})`;
}

function contentOf(body: Buffer, mediaType: string, uri: string): CallToolResult {
  if (isPartwise(mediaType)) return textResult(lastPart(body.toString(), mediaType));
  if (mediaType === "application/json" || mediaType.endsWith("+json")) return textResult(body.toString());
  // Functions that return text may have no type.
  if (mediaType === "" || mediaType.startsWith("text/"))
    return { content: body.length === 0 ? [] : [{ type: "text", text: body.toString() }] };
  const [kind] = mediaType.split("/");
  const data = body.toString("base64");
  if (kind === "image" || kind === "audio") return { content: [{ type: kind, data, mimeType: mediaType }] };
  return { content: [{ type: "resource", resource: { uri, mimeType: mediaType, blob: data } }] };
}

/** Creates a result with text that may be JSON. */
function textResult(text: string): CallToolResult {
  const structuredContent = parsedObject(text);
  return { content: [{ type: "text", text }], ...(structuredContent === undefined ? {} : { structuredContent }) };
}

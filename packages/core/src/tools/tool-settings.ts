import { z } from "zod";
import type { EndpointRef } from "../endpoints/endpoint-key.ts";
import { requestPathSchema } from "../triggers/request-path-schema.ts";

/** An endpoint as a tool for agents, over the Model Context Protocol: `"tool"` in `faas.json`. */

/** Maximum size of the settings of a tool as JSON, in bytes: every agent reads all of them. */
const TOOL_BYTES_MAX = 64 * 1024;
/** Maximum length of a description, in characters. */
const DESCRIPTION_MAX = 8_192;
/** Maximum length of a title, in characters. */
const TITLE_MAX = 200;

/** Schema of the name of a tool, as the APIs of models accept it. */
export const toolNameSchema = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "expected at most 64 letters, digits, underscores and hyphens");

/** Schema of a JSON Schema whose values are objects, as the arguments of a tool are. */
const objectSchemaSchema = z
  .looseObject({ type: z.literal("object").describe("Arguments and structured results are objects") })
  .describe("JSON Schema of an object; dialect 2020-12 unless $schema is draft-07");

/** Schema of hints about a tool, with which clients decide whether to ask their user before a call. */
const annotationsSchema = z.strictObject({
  readOnlyHint: z.boolean().optional().describe("True: a call changes nothing"),
  destructiveHint: z.boolean().optional().describe("False: a call only adds"),
  idempotentHint: z.boolean().optional().describe("True: the second call with the same arguments changes nothing"),
  openWorldHint: z.boolean().optional().describe("False: it deals with a closed set of things, such as a memory"),
});

/** Schema of the setting `tool`. */
export const toolSettingsSchema = z
  .strictObject({
    name: toolNameSchema.optional().describe("Name for agents, unique in the organization (default: the endpoint's)"),
    title: z.string().min(1).max(TITLE_MAX).optional().describe("Name for people"),
    description: z.string().min(1).max(DESCRIPTION_MAX).describe("Purpose of the tool, with which an agent chooses it"),
    input: objectSchemaSchema.optional().describe("JSON Schema of the arguments (default: any object)"),
    output: objectSchemaSchema.optional().describe("JSON Schema of the result, which the function returns as JSON"),
    annotations: annotationsSchema.optional().describe("Hints for clients"),
    path: requestPathSchema.optional().describe("Path at which the endpoint gets the arguments (default /)"),
    async: z
      .boolean()
      .optional()
      .describe("True: calls go through the queue, which repeats failed ones and allows a long timeout"),
  })
  .refine((tool) => Buffer.byteLength(JSON.stringify(tool)) <= TOOL_BYTES_MAX, "expected at most 64 KiB as JSON");
export type ToolSettings = z.infer<typeof toolSettingsSchema>;

/** Schema of the tool of a revision. */
export const storedTool = z.object({
  name: z.string().optional(),
  title: z.string().optional(),
  description: z.string(),
  input: z.looseObject({ type: z.literal("object") }).optional(),
  output: z.looseObject({ type: z.literal("object") }).optional(),
  annotations: z.record(z.string(), z.boolean()).optional(),
  path: z.string().optional(),
  async: z.boolean().optional(),
});

/** Returns the name by which agents call an endpoint. */
export const toolName = ({ name }: Pick<ToolSettings, "name">, { endpoint }: Pick<EndpointRef, "endpoint">): string =>
  name ?? endpoint;

/** Returns the address that the name of a tool takes in its organization. */
export const toolAddress = (org: string, name: string): string => `/-/orgs/${org}/mcp#${name}`;

/** Returns the path of an organization's server for agents. */
export const mcpPath = (org: string): string => `/-/orgs/${org}/mcp`;

/** Parses a tool as JSON into an object, which may be invalid; undefined for anything else. */
export function parseTool(text: string): ToolSettings | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as ToolSettings) : undefined;
  } catch {
    return undefined;
  }
}

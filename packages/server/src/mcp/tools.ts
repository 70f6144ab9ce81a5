import { type EndpointRef, FaasError, type Settings, type ToolSettings, toolName } from "@faas/core";
import type { Tool } from "@modelcontextprotocol/server";
import type { Permissions } from "../control-api/permissions.ts";
import { servingRevision } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import type { JsonSchema, SchemaCheck } from "./json-schema.ts";

/** An endpoint that is a tool. */
export interface EndpointTool {
  readonly ref: EndpointRef;
  readonly name: string;
  readonly settings: ToolSettings;
  readonly isPublic: boolean;
}

export type ToolSource = Pick<Store, "tools" | "endpoint">;

/** Lists the tools of an organization by name. */
export function toolsOf(org: string, store: ToolSource): EndpointTool[] {
  const tools = Array.from(store.tools(org), ([endpoint, settings]) => {
    const ref = { org, endpoint };
    const record = store.endpoint(ref);
    const isPublic = record !== undefined && servingRevision(record).settings.visibility === "public";
    return { ref, name: toolName(settings, ref), settings, isPublic };
  });
  // The order of a list is part of what models cache.
  return tools.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Tells whether a key may call a tool: public ones need no scope. */
export const mayCall = (tool: EndpointTool, permissions: Permissions): boolean =>
  tool.isPublic || permissions.allows("invoke");

const ANY_OBJECT = { type: "object" } as const;

/** Describes a tool as the protocol has it. */
export function describeTool({ name, settings }: EndpointTool): Tool {
  const { title, description, input = ANY_OBJECT, output, annotations } = settings;
  return {
    ...{ name, description },
    ...(title === undefined ? {} : { title }),
    inputSchema: input as Tool["inputSchema"],
    ...(output === undefined ? {} : { outputSchema: output as Tool["outputSchema"] }),
    ...(annotations === undefined ? {} : { annotations: definedOf(annotations) }),
  };
}

const definedOf = (fields: NonNullable<ToolSettings["annotations"]>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as NonNullable<
    Tool["annotations"]
  >;

/** Compiled schemas, by the schemas in the records of the endpoints. */
const checks = new WeakMap<object, SchemaCheck>();

/** Compiles a schema. The validator is loaded on demand: most servers have no tools. */
const compiled = async (schema: JsonSchema): Promise<SchemaCheck> =>
  (await import("./json-schema.ts")).compileSchema(schema);

/** Returns the check of a schema of a deployed tool. */
export async function checkOf(schema: JsonSchema): Promise<SchemaCheck> {
  const known = checks.get(schema);
  if (known !== undefined) return known;
  // A schema that an older or newer server has accepted may not compile here: the function checks its arguments itself.
  const check = await compiled(schema).catch(() => () => undefined);
  checks.set(schema, check);
  return check;
}

/**
 * Checks that the schemas of a tool can be used.
 *
 * @throws INVALID_REQUEST
 */
export async function checkToolSchemas({ tool }: Pick<Settings, "tool">): Promise<void> {
  for (const name of ["input", "output"] as const) {
    const schema = tool?.[name];
    if (schema === undefined) continue;
    try {
      checks.set(schema, await compiled(schema));
    } catch (error) {
      throw new FaasError(
        "INVALID_REQUEST",
        `Expected "tool.${name}" to be a JSON Schema of the dialect 2020-12 or draft-07 without references to others: ${(error as Error).message}`,
      );
    }
  }
}

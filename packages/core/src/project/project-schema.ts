import { z } from "zod";
import { projectSchema } from "./project.ts";

/**
 * The JSON Schema of `faas.json`, for editors: what `projectSchema` takes. Draft 7, which every editor knows.
 * `docs/faas.schema.json` is this text; `npm run docs` writes it anew.
 */
export function projectJsonSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(projectSchema, { io: "input", target: "draft-7" });
  const text = JSON.stringify({ $schema, title: "faas.json", ...schema }, null, 2);
  // Lists of words on one line, as the formatter has them.
  return `${text.replace(/\[\n\s+("[^[\]{}]*")\n\s+\]/g, (_, words: string) => `[${words.replace(/,\n\s+/g, ", ")}]`)}\n`;
}

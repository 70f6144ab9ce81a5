import { z } from "zod";
import { projectSchema } from "./project.ts";

/**
 * Builds the JSON Schema of `faas.json` for editors. Draft 7, which every editor knows.
 * `docs/faas.schema.json` is this text; `npm run docs` updates it.
 */
export function projectJsonSchema(): string {
  const { $schema, ...schema } = z.toJSONSchema(projectSchema, {
    io: "input",
    target: "draft-7",
    override({ jsonSchema }) {
      // Short patterns with a message: editors show both.
      const { forEditors, ...rest } = jsonSchema;
      if (typeof forEditors !== "object" || forEditors === null) return;
      for (const name of Object.keys(jsonSchema)) delete jsonSchema[name];
      Object.assign(jsonSchema, rest, forEditors);
    },
  });
  const text = JSON.stringify({ $schema, title: "faas.json", ...schema }, null, 2);
  // Lists of words on one line, as the formatter writes them.
  return `${text.replace(/\[\n\s+("[^[\]{}]*")\n\s+\]/g, (_, words: string) => `[${words.replace(/,\n\s+/g, ", ")}]`)}\n`;
}

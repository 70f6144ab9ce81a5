import { z } from "zod";
import { projectSchema } from "./project.ts";

/**
 * Writes the JSON Schema of `faas.json` for editors, from `projectSchema`, as draft 7, which every editor supports.
 * `npm run docs` stores it in `docs/faas.schema.json`.
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
  // Puts lists of words on one line, as the formatter does.
  return `${text.replace(/\[\n\s+("[^[\]{}]*")\n\s+\]/g, (_, words: string) => `[${words.replace(/,\n\s+/g, ", ")}]`)}\n`;
}

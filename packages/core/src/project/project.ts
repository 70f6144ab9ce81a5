import { z } from "zod";
import { settingsInputSchema } from "../endpoints/settings.ts";
import { endpointName, orgName } from "../names.ts";

/** `faas.json`: what `faas deploy` would otherwise be told by flags. */
export const projectSchema = z.strictObject({
  $schema: z.string().optional(),
  org: orgName.optional(),
  endpoint: endpointName.optional(),
  server: z.url().optional().describe("Address of the control server"),
  baseImage: z
    .string()
    .min(1)
    .optional()
    .describe("What the function's image begins with, where images are built (default node:24-slim, python:3.11-slim)"),
  ...settingsInputSchema.shape,
});
export type Project = z.input<typeof projectSchema>;

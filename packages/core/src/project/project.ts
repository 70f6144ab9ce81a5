import { z } from "zod";
import { settingsInputSchema } from "../endpoints/settings.ts";
import { endpointName, orgName } from "../names.ts";

/** Schema of `faas.json`: values that `faas deploy` otherwise takes from flags. */
export const projectSchema = z.strictObject({
  $schema: z.string().optional(),
  org: orgName.optional(),
  endpoint: endpointName.optional(),
  server: z.url().optional().describe("Address of the control server"),
  baseImage: z
    .string()
    .min(1)
    .optional()
    .describe("Base image of the function, on platforms that run images (default node:24-slim, python:3.11-slim)"),
  fallback: z
    .string()
    .min(1)
    .optional()
    .describe("Page of a static folder for paths without a file, such as index.html for a single-page app"),
  ...settingsInputSchema.shape,
});
export type Project = z.input<typeof projectSchema>;

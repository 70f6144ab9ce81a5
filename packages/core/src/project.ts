import { z } from "zod";
import { endpointName, orgName } from "./names.ts";
import { settingsInputSchema } from "./settings.ts";

/** `faas.json`: what `faas deploy` would otherwise be told by flags. */
export const projectSchema = z.strictObject({
  $schema: z.string().optional(),
  org: orgName.optional(),
  endpoint: endpointName.optional(),
  server: z.url().optional().describe("Address of the control server"),
  ...settingsInputSchema.shape,
});
export type Project = z.input<typeof projectSchema>;

import { z } from "zod";
import { settingsInputSchema } from "../endpoints/settings.ts";
import { endpointName, orgName } from "../names.ts";

/** Schema of `faas.json`: values that `faas deploy` otherwise takes from flags. */
export const projectSchema = z.strictObject({
  $schema: z.string().optional(),
  org: orgName.optional(),
  endpoint: endpointName.optional(),
  server: z.url().optional().describe("Address of the control server"),
  ...settingsInputSchema.shape,
});
export type Project = z.input<typeof projectSchema>;

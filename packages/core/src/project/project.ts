import { z } from "zod";
import { canaryRequestSchema } from "../endpoints/canary.ts";
import { settingsInputSchema } from "../endpoints/settings.ts";
import { endpointName, orgName } from "../name-schemas.ts";

/** Path that begins neither with a slash nor with a drive, and has no NUL. */
const RELATIVE = String.raw`^(?![\\/]|[A-Za-z]:)[^\x00]+$`;

const canarySchema = canaryRequestSchema
  .optional()
  .describe("Moves the calls to a new revision in steps, while it is not worse than the serving one");

/** Schema of a function in a `faas.json` with several. */
export const projectFunctionSchema = z.strictObject({
  folder: z
    .string()
    .min(1)
    .regex(new RegExp(RELATIVE), "expected a relative path")
    .meta({ pattern: RELATIVE })
    .optional()
    .describe("Folder of the function, relative to faas.json (default: the name of the function)"),
  canary: canarySchema,
  ...settingsInputSchema.shape,
});
export type ProjectFunction = z.input<typeof projectFunctionSchema>;

/** Schema of `faas.json`: values that `faas deploy` otherwise takes from flags. */
export const projectSchema = z
  .strictObject({
    $schema: z.string().optional(),
    org: orgName.optional(),
    endpoint: endpointName.optional(),
    server: z.url().optional().describe("Address of the control server"),
    functions: z
      .record(endpointName, projectFunctionSchema)
      .refine((functions) => Object.keys(functions).length > 0, "expected at least one function")
      .meta({ minProperties: 1 })
      .optional()
      .describe(
        "Several functions by the names of their endpoints, each with its folder and settings. The other fields of the file apply to all of them",
      ),
    canary: canarySchema,
    ...settingsInputSchema.shape,
  })
  .superRefine(({ functions, endpoint, hostnames }, context) => {
    if (functions === undefined) return;
    if (endpoint !== undefined) {
      const message = 'not allowed beside "functions": the name of each function is its endpoint';
      context.addIssue({ code: "custom", path: ["endpoint"], message });
    }
    if (hostnames !== undefined) {
      const message = 'not allowed beside "functions": set them in a function, because a hostname has one endpoint';
      context.addIssue({ code: "custom", path: ["hostnames"], message });
    }
  });
export type Project = z.input<typeof projectSchema>;

import { z } from "zod";
import { canaryRequestSchema } from "../endpoints/canary.ts";
import { type Artifact, artifactSchema } from "../endpoints/endpoint.ts";
import { REPLICAS_MAX } from "../endpoints/quantity-schemas.ts";
import { deploymentSourceSchema } from "../endpoints/revision-origin.ts";
import {
  detectedSettingsSchema,
  settingsChangeSchema,
  settingsChangeShape,
  variablesChangeSchema,
} from "../endpoints/settings-change.ts";
import { previewRequestSchema } from "../endpoints/traffic.ts";
import { isStatusList, STATUS_LIST_PATTERN } from "../logs/log-filter.ts";
import { LOG_LEVELS } from "../logs/log-level.ts";
import { endpointName, orgName } from "../name-schemas.ts";
import { limitsChangeSchema } from "../organizations/limits.ts";
import { quantityMeta, quantityPattern } from "../quantity-pattern.ts";
import { DURATION_UNITS, formatDuration, parseDuration } from "../units.ts";
import { STATS_WINDOW_MS } from "./stats-window.ts";

/** Request bodies and query parameters of the control API. docs/http-api.md shows them in use. */

/** Id of a revision, or the beginning of it. */
export const revisionReferenceSchema = z.string().min(1).max(100);

const resetSchema = z
  .boolean()
  .optional()
  .describe("True: what is not named goes back to its default instead of staying as it is");
const followSchema = z
  .boolean()
  .optional()
  .describe(
    "True: the image, which has a tag, is deployed by its digest, and again when the tag moves. False, or absent with an image: no tag is followed",
  );
const dryRunSchema = z.boolean().optional().describe("True: the response lists the changes, and nothing is deployed");

/** `PUT /-/orgs/<org>/endpoints/<endpoint>`: what is absent stays as it is. */
export const putEndpointSchema = z
  .strictObject({
    artifact: artifactSchema.optional().describe("Absent: that of the endpoint, or that of a new one in a dry run"),
    settings: settingsChangeSchema
      .optional()
      .meta({ id: "SettingsChange", description: "A setting that is named gets its value, null is its default" }),
    variables: variablesChangeSchema
      .optional()
      .describe("Single variables to set, or to remove with null, after settings"),
    detected: detectedSettingsSchema
      .optional()
      .describe(
        "Settings that a build has detected in the code: they apply unless they are set, and until the next build",
      ),
    source: deploymentSourceSchema.optional(),
    preview: previewRequestSchema
      .optional()
      .describe("Runs the revision beside the serving one, without a share of the calls. Absent: it will serve"),
    canary: canaryRequestSchema
      .optional()
      .describe(
        "Moves the calls to the revision in steps, while it is not worse than the serving one. Absent: at once",
      ),
    follow: followSchema,
    reset: resetSchema,
    dryRun: dryRunSchema,
  })
  .refine(
    ({ preview, canary }) => preview === undefined || canary === undefined,
    'expected "preview" or "canary", got both',
  )
  .refine(
    ({ preview, follow }) => preview === undefined || follow === undefined,
    'expected "preview" or "follow", got both',
  )
  .refine(
    ({ artifact, follow }) => !follow || artifact !== undefined,
    'expected "artifact" with "follow": the image and the tag to follow',
  )
  .meta({
    id: "PutEndpoint",
    description: "A setting that is absent keeps its previous value, or has its default at a new endpoint",
  });
export type PutEndpoint = Omit<z.input<typeof putEndpointSchema>, "artifact"> & {
  readonly artifact?: Artifact | undefined;
};

/** `POST /add_endpoint`, as the original system has it; settings are additional fields, and those that are absent stay as they are. */
export const addEndpointSchema = z
  .strictObject({
    ...settingsChangeShape,
    org: orgName,
    endpoint: endpointName,
    image: z
      .string()
      .min(1)
      .max(1024)
      .meta({
        description: "A bundle (bundle@sha256:…) or the reference of a container image",
        anyOf: [{ pattern: "^bundle@sha256:[0-9a-f]{64}$" }, { not: { pattern: "^bundle@" } }],
      }),
    replicas: z.int().min(0).max(REPLICAS_MAX),
    follow: followSchema,
    reset: resetSchema,
    dryRun: dryRunSchema,
  })
  .meta({ id: "AddEndpoint" });
export type AddEndpoint = z.input<typeof addEndpointSchema>;

/** `POST /-/orgs/<org>/endpoints/<endpoint>/rollback`; the body may be absent. */
export const postRollbackSchema = z
  .strictObject({
    revision: revisionReferenceSchema
      .optional()
      .describe("Revision to serve: its id, or the beginning of it. Absent: the one that served before"),
  })
  .meta({ id: "PostRollback" });
export type PostRollback = z.input<typeof postRollbackSchema>;

/** `PUT /-/orgs/<org>`; the body may be absent. A limit that is absent stays as it is. */
export const putOrgSchema = z
  .strictObject({
    limits: limitsChangeSchema
      .partial()
      .optional()
      .meta({
        description:
          "What is given changes, null removes, what is absent stays. A burst is set together with requestsPerSecond",
        if: { required: ["burst"], properties: { burst: { type: "integer" } } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { required: ["requestsPerSecond"], properties: { requestsPerSecond: { type: "number" } } },
      }),
  })
  .meta({ id: "PutOrganization" });
export type PutOrg = z.input<typeof putOrgSchema>;

/** `PUT /-/orgs/<org>/registry-credentials`. */
export const registryCredentialsSchema = z
  .strictObject({
    dockerConfigJson: z
      .string()
      .max(2 ** 16)
      .refine(isDockerConfig, 'expected the text of a Docker config.json with "auths"')
      .meta({
        description: "The text of a Docker config.json: registries and how to log in to them",
        contentMediaType: "application/json",
        contentSchema: { type: "object", required: ["auths"], properties: { auths: { type: "object" } } },
        examples: ['{"auths":{"registry.example":{"auth":"dXNlcjpwYXNzd29yZA=="}}}'],
      }),
  })
  .meta({ id: "PutRegistryCredentials" });

function isDockerConfig(text: string): boolean {
  try {
    const { auths } = JSON.parse(text);
    return typeof auths === "object" && auths !== null;
  } catch {
    return false;
  }
}

/** The longest time that a request may wait for a rollout. */
const MAX_WAIT_MS = 600_000;

/** How long a request waits for a rollout: `timeout` of `GET /-/orgs/<org>/endpoints/<endpoint>`. */
export const waitTimeoutSchema = z
  .string()
  .refine((text) => (parseDuration(text) ?? Number.POSITIVE_INFINITY) <= MAX_WAIT_MS, {
    error: ({ input }) =>
      `expected "timeout" to be a duration of at most ${formatDuration(MAX_WAIT_MS)}, got "${input}"`,
  })
  .meta(quantityMeta(DURATION_UNITS, 0, MAX_WAIT_MS));

/** Number of past log lines: `tail` of `GET …/logs`. */
export const tailSchema = z.string().regex(/^[0-9]{1,9}$/, {
  error: ({ input }) => `expected "tail" to be a number of lines, got "${input}"`,
});

/** `Date.parse` takes much else, such as "0.5", for a time. */
const isTime = (text: string) => /^[0-9]{4}-[0-9]{2}-[0-9]{2}/.test(text) && !Number.isNaN(Date.parse(text));

/** A time with its date and zone, without checking the number of days of a month. */
const RFC_3339 =
  "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$";

/** Start of the log lines: `since` of `GET …/logs`. */
export const sinceSchema = z
  .string()
  .refine((text) => parseDuration(text) !== undefined || isTime(text), {
    error: ({ input }) => `expected "since" to be a duration such as 5m or a time (RFC 3339), got "${input}"`,
  })
  .meta({
    get anyOf() {
      return [{ pattern: quantityPattern(DURATION_UNITS, 0, Number.POSITIVE_INFINITY) }, { pattern: RFC_3339 }];
    },
  });

/** Begin of the counts, a duration before now: `since` of `GET …/stats`. */
export const statsSinceSchema = z
  .string()
  .refine((text) => (parseDuration(text) ?? Number.POSITIVE_INFINITY) <= STATS_WINDOW_MS, {
    error: ({ input }) =>
      `expected "since" to be a duration of at most ${formatDuration(STATS_WINDOW_MS)}, got "${input}"`,
  })
  .meta(quantityMeta(DURATION_UNITS, 0, STATS_WINDOW_MS));

/** Statuses of calls: `status` of `GET …/logs`. */
export const statusListSchema = z
  .string()
  .refine(isStatusList, {
    error: ({ input }) => `expected "status" to be statuses such as 404 or 4xx,503, got "${input}"`,
  })
  .meta({ pattern: STATUS_LIST_PATTERN });

/** Lowest level of log lines: `level` of `GET …/logs`. */
export const logLevelSchema = z.enum(LOG_LEVELS, {
  error: ({ input }) => `expected "level" to be one of ${LOG_LEVELS.join(", ")}, got "${input}"`,
});

/** Id of a key in a path. */
export const keyIdParameter = z.string().meta({ description: "Id of the key", pattern: "^[0-9A-Za-z]{10}$" });

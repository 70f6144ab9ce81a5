import { z } from "zod";
import { artifactSchema, type EndpointRef } from "../endpoints/endpoint.ts";
import type { ReplicaFailure, StartStage } from "../endpoints/platform.ts";
import { REPLICAS_MAX, type Scaler, type Settings, settingsInputSchema } from "../endpoints/settings.ts";
import { endpointName, orgName } from "../names.ts";
import { type Limits, type LimitsUse, limitsChangeSchema } from "../organizations/limits.ts";

/** Bodies of the control API: schemas of what comes in, types of what goes out. docs/http-api.md shows them in use. */

export const DEFAULT_PORT = 8887;

/** `PUT /-/orgs/<org>/endpoints/<endpoint>`. What is absent has its default, not its former value. */
export const putEndpointSchema = z.strictObject({
  artifact: artifactSchema,
  settings: settingsInputSchema.default({}),
});
export type PutEndpoint = z.input<typeof putEndpointSchema>;

/** `POST /add_endpoint`, as the original system has it; settings may stand beside. */
export const addEndpointSchema = z.strictObject({
  org: orgName,
  endpoint: endpointName,
  image: z.string().min(1).max(1024).describe("A bundle (bundle@sha256:…) or the reference of a container image"),
  replicas: z.int().min(0).max(REPLICAS_MAX),
  ...settingsInputSchema.omit({ replicas: true }).shape,
});
export type AddEndpoint = z.input<typeof addEndpointSchema>;

/** `PUT /-/orgs/<org>`; the body may be absent. A limit that is absent stays as it is. */
export const putOrgSchema = z.strictObject({ limits: limitsChangeSchema.partial().optional() });
export type PutOrg = z.input<typeof putOrgSchema>;

/** `PUT /-/orgs/<org>/registry-credentials`. */
export const registryCredentialsSchema = z.strictObject({
  dockerConfigJson: z
    .string()
    .max(2 ** 16)
    .refine(isDockerConfig, 'expected the text of a Docker config.json with "auths"')
    .describe("The text of a Docker config.json: registries and how to log in to them"),
});

function isDockerConfig(text: string): boolean {
  try {
    const { auths } = JSON.parse(text);
    return typeof auths === "object" && auths !== null;
  } catch {
    return false;
  }
}

/**
 * `deploying`: the newest revision has not answered yet. `starting`: replicas are asked for, none is ready.
 * `ready`: at least one replica is. `idle`: none is wanted until the next request. `failed`: nothing can serve; `failure` says why.
 */
export type EndpointPhase = "deploying" | "starting" | "ready" | "idle" | "failed";

/** An endpoint as the control API shows it. */
export interface EndpointView extends EndpointRef {
  readonly url: string;
  readonly phase: EndpointPhase;
  /** The revision that is served, or that is being deployed when there is no other. */
  readonly revision: string;
  /** The revision that is on its way to replace it. */
  readonly deploying?: string;
  /** `bundle@sha256:…` or an image's reference. */
  readonly image: string;
  readonly settings: Settings;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly replicas: readonly ReplicaView[];
  /** It wants more replicas than the organization's limits have room for: what it wants, and which limit that is. */
  readonly limited?: string;
  /** Why the newest deployment, or the served revision, does not run. */
  readonly failure?: ReplicaFailure;
}

export interface ReplicaView {
  readonly id: string;
  readonly ready: boolean;
  readonly revision: string;
  /** Requests that it is answering now. */
  readonly inFlight: number;
  /** CPU limit that it has now, where the platform enforces one. */
  readonly cpuMillis?: number;
  /** How its start went, as far as it was seen. */
  readonly start?: readonly StartStage[];
}

/** Answer of `PUT …/endpoints/<endpoint>` and of `POST /add_endpoint`: 201 when new, 200 when changed or unchanged. */
export interface Registered extends EndpointRef {
  /** Absolute URL that answers calls. */
  readonly url: string;
  /** The revision now deployed or being deployed. */
  readonly revision: string;
  /** The same revision was there already. */
  readonly unchanged: boolean;
}

export interface OrgView {
  readonly org: string;
  readonly createdAt: string;
  /** As they were set; absent: none was. */
  readonly limits?: Limits;
  /** What counts where none was set; absent: nothing. */
  readonly defaultLimits?: Limits;
  /** Names of its endpoints. */
  readonly endpoints: readonly string[];
}

/** `GET /-/orgs/<org>`. */
export interface OrgDetails extends OrgView {
  /** What it takes now of what is limited. */
  readonly use: LimitsUse;
}

/** `GET /-/config`: what a client has to know of the server. */
export interface ServerConfig {
  readonly version: string;
  readonly platform: string;
  readonly accepts: "bundle" | "image";
  readonly scalers: readonly Scaler[];
  /** Where images go and come from; absent when the platform takes none. */
  readonly registry?: Registry;
  /** The largest bundle that it takes, in bytes. */
  readonly bundleLimitBytes: number;
  /** How functions are kept from the server's own files and processes, or "none: " and why they are not; absent where they run elsewhere. */
  readonly isolation?: string;
}

/** One registry under its two addresses, which may differ: `host[:port][/path]`. */
export interface Registry {
  /** As the one who deploys reaches it. */
  readonly push: string;
  /** As the nodes of the cluster reach it. */
  readonly pull: string;
}

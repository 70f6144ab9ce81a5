import { artifactSchema, expectedAndGot, FaasError, type KeyRecord, keyScopes, warmImageSchema } from "@faas/core";
import { z } from "zod";
import type { EndpointRecord, OrgFields } from "./records.ts";
import { State } from "./state.ts";

/** Version of the format of `state.json`. Version 1 had no journal: a server that knows only version 1 would miss its changes. */
const STATE_VERSION = 2;

/** Contents of `state.json`: the state after the change with this number. Later changes are in the journal. */
export interface Snapshot {
  readonly state: State;
  /** Identifies the state over all its changes, so that the journal of another one is not mistaken for its own; absent in version 1. */
  readonly id?: string;
  readonly sequence: number;
}

// Loose: a field that a newer server of the same version wrote is kept, not rejected.
const revision = z.looseObject({
  id: z.string(),
  artifact: artifactSchema,
  platforms: z.array(z.string()).optional(),
  warm: z.looseObject(warmImageSchema.shape).optional(),
  settings: z.looseObject({
    runtime: z.string(),
    replicas: z.number(),
    maxReplicas: z.number(),
    scaler: z.string(),
    concurrency: z.number(),
    idleTimeout: z.string(),
    timeout: z.string(),
    cpu: z.string(),
    memory: z.string(),
    bodyLimit: z.string(),
    env: z.record(z.string(), z.string()),
  }),
});
export const endpointRecordSchema = z.looseObject({
  current: revision,
  candidate: revision.optional(),
  kept: z.looseObject({ bundles: z.string(), rest: z.string() }).optional(),
  traffic: z.looseObject({}).optional(),
  canary: z.looseObject({}).optional(),
  follow: z.looseObject({ image: z.string(), digest: z.string() }).optional(),
});
export const keyRecordSchema = z.looseObject({
  name: z.string(),
  scope: z.enum(keyScopes),
  org: z.string().optional(),
  hash: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits"),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
});
const organizations = z.record(z.string(), z.looseObject({ endpoints: z.record(z.string(), endpointRecordSchema) }));
const schema = z.discriminatedUnion("version", [
  z.looseObject({ version: z.literal(1), organizations }),
  z.looseObject({
    version: z.literal(STATE_VERSION),
    id: z.string(),
    sequence: z.int().min(0),
    keys: z.record(z.string(), keyRecordSchema).optional(),
    organizations,
  }),
]);

/** Parsed text of a `state.json`. */
interface Document {
  readonly version: number;
  readonly id?: string;
  readonly sequence?: number;
  /** Records by id. */
  readonly keys?: Readonly<Record<string, KeyRecord>>;
  readonly organizations: Readonly<
    Record<string, OrgFields & { readonly endpoints: Readonly<Record<string, EndpointRecord>> }>
  >;
}

/**
 * Parses the text of a `state.json`.
 *
 * @throws STATE_DAMAGED with the file, the problem and the backup
 */
export function parseSnapshot(text: string, file: string): Snapshot {
  const read = parseDocument(text);
  if (typeof read === "string") throw damaged(file, file, read);
  const state = new State();
  for (const [key, record] of Object.entries(read.keys ?? {})) state.apply({ key, record });
  for (const [org, { endpoints, ...fields }] of Object.entries(read.organizations)) {
    state.apply({ org, record: fields });
    for (const [endpoint, record] of Object.entries(endpoints)) state.apply({ org, endpoint, record });
  }
  return { state, ...(read.id === undefined ? {} : { id: read.id }), sequence: read.sequence ?? 0 };
}

/** Returns the document, or the problem with it. */
function parseDocument(text: string): string | Document {
  let read: Document;
  try {
    read = JSON.parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  if (read?.version !== 1 && read?.version !== STATE_VERSION)
    return `expected version ${STATE_VERSION} or 1, got ${JSON.stringify(read?.version)}`;
  const [issue] = schema.safeParse(read, { error: expectedAndGot }).error?.issues ?? [];
  return issue ? `"${issue.path.join(".")}": ${issue.message}` : read;
}

/** Returns the error for a problem with `file`, which is the `state.json` itself or its journal. */
export function damaged(state: string, file: string, problem: string): FaasError {
  return new FaasError(
    "STATE_DAMAGED",
    `The state file ${file} cannot be read: ${problem}. It was left as it is. The previous versions are ${state}.backup and ${journalOf(state)}.backup, which belong together: check them, and copy the good ones to ${state} and ${journalOf(state)}`,
  );
}

/** Returns the path of the `state.journal` beside a `state.json`. */
export const journalOf = (state: string): string => state.replace(/\.json$/, ".journal");

/** Approximate size of the pieces that a snapshot is formatted in: writing one piece at a time lets other work run in between. */
const PIECE_CHARACTERS = 2 ** 17;

/** Formats a `state.json` in pieces, from the state as it is at the call. */
export function formatSnapshot({ state, id, sequence }: Required<Snapshot>): Iterable<string> {
  const keys = JSON.stringify(Object.fromEntries(state.keys));
  const head = `{"version":${STATE_VERSION},"id":${JSON.stringify(id)},"sequence":${sequence},"keys":${keys},"organizations":{`;
  return pieces(head, state.copy());
}

function* pieces(head: string, orgs: ReturnType<State["copy"]>): Generator<string, void, void> {
  let piece = head;
  for (const [index, [org, fields, endpoints]] of orgs.entries()) {
    // The endpoints go before the last brace of this object.
    const empty = JSON.stringify({ ...fields, endpoints: {} });
    piece += `${index > 0 ? "," : ""}${JSON.stringify(org)}:${empty.slice(0, -2)}`;
    for (const [index, [endpoint, record]] of endpoints.entries()) {
      piece += `${index > 0 ? "," : ""}${JSON.stringify(endpoint)}:${JSON.stringify(record)}`;
      if (piece.length < PIECE_CHARACTERS) continue;
      yield piece;
      piece = "";
    }
    piece += "}}";
  }
  yield `${piece}}}`;
}

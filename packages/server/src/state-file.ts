import { artifactSchema, expectedAndGot, FaasError } from "@faas/core";
import { z } from "zod";
import type { State } from "./store.ts";

/** Of the form of `state.json`. */
export const STATE_VERSION = 1;

// Loose: a field that a later server of the same version wrote is kept, not refused.
const revision = z.looseObject({
  id: z.string(),
  artifact: artifactSchema,
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
const endpoint = z.looseObject({ current: revision, candidate: revision.optional() });
const org = z.looseObject({ endpoints: z.record(z.string(), endpoint) });
const schema = z.looseObject({ version: z.literal(STATE_VERSION), organizations: z.record(z.string(), org) });

/** The state that the text of a `state.json` holds. STATE_DAMAGED names the file, what is wrong with it, and its backup. */
export function parseState(text: string, file: string): State {
  const problem = problemOf(text);
  if (typeof problem === "object") return problem.state;
  throw new FaasError(
    "STATE_DAMAGED",
    `The state file ${file} cannot be read: ${problem}. It was left as it is. A former one is ${file}.backup: look at both, and copy the good one to ${file}`,
  );
}

function problemOf(text: string): string | { state: State } {
  let state: State;
  try {
    state = JSON.parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  if (state?.version !== STATE_VERSION)
    return `expected version ${STATE_VERSION}, got ${JSON.stringify(state?.version)}`;
  const [issue] = schema.safeParse(state, { error: expectedAndGot }).error?.issues ?? [];
  return issue ? `"${issue.path.join(".")}": ${issue.message}` : { state };
}

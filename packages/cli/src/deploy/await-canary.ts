import { type EndpointRef, endpointKey, endpointViewSchema, FaasError, isCanaryActive } from "@faas/core";
import { pathOf } from "../client/client.ts";
import { printStatus } from "../terminal/output.ts";
import type { RolloutContext } from "./await-rollout.ts";
import { canaryProgress } from "./canary-text.ts";

/** Time between two lines of progress. */
const PROGRESS = "2s";

/**
 * Waits until the canary of a revision has ended, as the stage `canary`. The server does not need the wait: after Ctrl-C the canary continues.
 *
 * @throws CANARY_FAILED when the revision does not serve
 */
export async function awaitCanary(ref: EndpointRef, revision: string, context: RolloutContext): Promise<void> {
  try {
    await follow(ref, revision, context);
  } catch (error) {
    const key = endpointKey(ref);
    if (context.io.signal.aborted)
      printStatus(
        context.io,
        `The canary continues on the server: \`faas describe ${key}\` shows it, \`faas promote ${key}\` and \`faas rollback ${key}\` end it.`,
      );
    throw error;
  }
}

async function follow(ref: EndpointRef, revision: string, { client, progress }: RolloutContext): Promise<void> {
  progress.begin("canary");
  let shown: string | undefined;
  for (;;) {
    const path = `${pathOf(ref)}?wait=${revision}&timeout=${PROGRESS}`;
    const { canary } = await client.json(endpointViewSchema, "GET", path);
    if (canary?.revision !== revision)
      throw new FaasError("CANARY_FAILED", `The revision ${revision} was replaced by another deployment`);
    const { state, share, detail } = canary;
    if (isCanaryActive(state)) {
      const text = canaryProgress(canary);
      // Without a spinner, one line for each step.
      if (shown === `${state} ${share}`) progress.detail(text);
      else progress.note(text);
      shown = `${state} ${share}`;
      continue;
    }
    if (state === "promoted") return progress.detail(`revision ${revision} serves all calls`);
    const outcome = state === "replaced" ? "The canary was replaced" : "The canary went back to the previous revision";
    throw new FaasError("CANARY_FAILED", `${outcome}: ${detail}`);
  }
}

import { type EndpointRef, FaasError, type Registered, type SettingsChange } from "@faas/core";
import type { Client } from "../client/client.ts";
import type { Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { Progress, type StageProgress } from "../terminal/progress.ts";
import { followLoading } from "./loading.ts";
import { checkFailure, checkOutcome, describeServing } from "./outcome.ts";

export interface RolloutContext {
  readonly client: Client;
  readonly progress: StageProgress;
  readonly io: Io;
  /** The revision is deployed beside the serving one. @defaultValue false */
  readonly isPreview?: boolean;
}

/**
 * Waits until a revision serves, as the stage `ready`.
 *
 * @throws DEPLOY_FAILED with the function's own error
 */
export async function awaitRollout(
  ref: EndpointRef,
  revision: string,
  { client, progress, io, isPreview = false }: RolloutContext,
): Promise<void> {
  progress.begin("ready");
  const rolledOut = new AbortController();
  const signal = AbortSignal.any([io.signal, rolledOut.signal]);
  void followLoading(client, ref, revision, signal, (location) => progress.note(`still loading, at ${location}`));
  const view = await client.waitForRollout(ref, revision).finally(() => rolledOut.abort());
  if (isPreview) checkFailure(view, revision);
  else checkOutcome(view, revision);
}

/**
 * Adds the revision that serves the endpoint now to the error of a deployment.
 *
 * @param registered the revision that failed; absent when the deployment failed before it was registered
 */
export async function withServingRevision(
  error: unknown,
  ref: EndpointRef,
  client: Client,
  registered: string | undefined,
): Promise<unknown> {
  if (!(error instanceof FaasError) || error.code === "SERVER_UNREACHABLE") return error;
  const view = await client.endpoint(ref).catch(() => undefined);
  if (!view) return error;
  const message = `${error.message}\n${describeServing(view, registered)}`;
  return new FaasError(error.code, message, { cause: error, extensions: error.extensions });
}

/** Deploys an endpoint's code again with other settings. @param context `wait`: return when the revision is ready */
export async function applyChange(
  ref: EndpointRef,
  change: SettingsChange,
  { client, io, wait }: { readonly client: Client; readonly io: Io; readonly wait: boolean },
): Promise<Registered> {
  const progress = await Progress.create(io);
  let revision: string | undefined;
  try {
    const registered = await client.putEndpoint(ref, change);
    revision = registered.revision;
    if (registered.unchanged) printStatus(io, `Unchanged: revision ${revision} is already deployed.`);
    if (wait) await awaitRollout(ref, revision, { client, progress, io });
    progress.end();
    return registered;
  } catch (error) {
    progress.fail();
    throw io.signal.aborted ? error : await withServingRevision(error, ref, client, revision);
  }
}

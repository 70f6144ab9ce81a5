import { type EndpointRef, endpointKey, type RolledBack } from "@faas/core";
import { connect } from "../client/connect.ts";
import { postRollback } from "../client/revisions.ts";
import { awaitRollout, withServingRevision } from "../deploy/await-rollout.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { type OutputFormat, print, printStatus, printWarning } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";

export interface RollbackOptions extends GlobalOptions {
  readonly wait: boolean;
  readonly output: OutputFormat;
}

/**
 * Makes a revision serve again, and waits until it does.
 *
 * @param revision id of the revision, or the beginning of it; absent: the one that served before
 * @throws DEPLOY_FAILED with the function's own error
 */
export async function rollBack(
  ref: EndpointRef,
  revision: string | undefined,
  options: RollbackOptions,
  io: Io,
): Promise<void> {
  const client = await connect(options, io);
  const progress = await Progress.create(io);
  let attempted: string | undefined;
  let outcome: RolledBack;
  try {
    outcome = await postRollback(client, ref, revision === undefined ? {} : { revision });
    attempted = outcome.revision;
    // Even if nothing changes: the deployment of that revision may still be in progress.
    if (options.wait) await awaitRollout(ref, outcome.revision, { client, progress, io });
    progress.end();
  } catch (error) {
    progress.fail();
    throw io.signal.aborted ? error : await withServingRevision(error, ref, client, attempted);
  }
  report(outcome, options.wait, io);
  await print(outcome, options.output, io, ({ url }) => `${url}\n`);
}

function report({ org, endpoint, revision, replaced, unchanged, renewed = [] }: RolledBack, waited: boolean, io: Io) {
  const key = endpointKey({ org, endpoint });
  for (const name of renewed)
    printWarning(
      io,
      `the value that the secret "${name}" had then is gone: the newest one is used, which makes another revision`,
    );
  if (unchanged) printStatus(io, `Unchanged: revision ${revision} serves ${key} already.`);
  else if (waited) printStatus(io, `Revision ${revision} serves ${key} again, in place of ${replaced}.`);
  else printStatus(io, `Revision ${revision} is about to replace ${replaced} at ${key}.`);
}

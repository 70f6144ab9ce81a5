import { type EndpointView, endpointKey, FaasError } from "@faas/core";

/** Throws, with the function's own words, when the revision is not the one that now serves. */
export function checkOutcome({ failure, phase, ...view }: EndpointView, revision: string): void {
  if (failure?.revision === revision || phase === "failed") {
    throw new FaasError("DEPLOY_FAILED", failure?.detail ?? "The revision did not get ready", {
      extensions: { lastLogLines: failure?.lastLogLines ?? [] },
    });
  }
  const newest = view.deploying ?? view.revision;
  if (newest !== revision)
    throw new FaasError("DEPLOY_FAILED", `Somebody deployed revision ${newest} before ${revision} answered`);
}

/**
 * Says what answers at an endpoint after a deployment failed.
 *
 * @param registered the revision that failed; absent when the deployment failed before there was one
 */
export function whatServes(view: EndpointView, registered: string | undefined): string {
  const { phase, revision, deploying, replicas } = view;
  const key = endpointKey(view);
  const ready = replicas.filter((replica) => replica.ready && replica.revision === revision).length;
  if (revision === registered)
    return ready > 0
      ? `Revision ${revision} answers at ${key} with ${ready} of ${replicas.length} replicas.`
      : `${key} has no revision that answers.`;
  if (ready > 0) return `Revision ${revision}, deployed before, goes on serving ${key}.`;
  // It answered once, which is why it is current: a request starts it.
  const startsOnRequest =
    phase === "idle" || phase === "starting" || (phase === "deploying" && deploying !== undefined);
  return startsOnRequest
    ? `Revision ${revision}, deployed before, stays current at ${key}; no replica of it runs now.`
    : `${key} has no revision that answers.`;
}

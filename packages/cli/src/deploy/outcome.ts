import { type EndpointView, endpointKey, FaasError } from "@faas/core";

/**
 * Checks that a revision serves after its rollout.
 *
 * @throws DEPLOY_FAILED with the function's own error when it does not
 */
export function checkOutcome(view: EndpointView, revision: string): void {
  checkFailure(view, revision);
  if (view.phase === "failed") throw failed(view.failure);
  const newest = view.deploying ?? view.revision;
  if (newest !== revision)
    throw new FaasError("DEPLOY_FAILED", `Revision ${newest} replaced ${revision} before it was ready`);
}

/**
 * Checks that a revision did not fail.
 *
 * @throws DEPLOY_FAILED with the function's own error
 */
export function checkFailure({ failure, otherFailures = [] }: EndpointView, revision: string): void {
  const all = failure === undefined ? otherFailures : [failure, ...otherFailures];
  const found = all.find((each) => each.revision === revision);
  if (found) throw failed(found);
}

const failed = (failure: EndpointView["failure"]) =>
  new FaasError("DEPLOY_FAILED", failure?.detail ?? "The revision did not become ready", {
    extensions: { lastLogLines: failure?.lastLogLines ?? [] },
  });

/**
 * Describes which revision serves an endpoint after a failed deployment.
 *
 * @param registered the revision that failed; absent when the deployment failed before it was registered
 */
export function describeServing(view: EndpointView, registered: string | undefined): string {
  const { phase, revision, deploying, replicas } = view;
  const key = endpointKey(view);
  const ready = replicas.filter((replica) => replica.ready && replica.revision === revision).length;
  if (revision === registered)
    return ready > 0
      ? `Revision ${revision} serves ${key} with ${ready} of ${replicas.length} replicas.`
      : `No revision serves ${key}.`;
  if (ready > 0) return `The previous revision ${revision} still serves ${key}.`;
  // It was ready once, which is why it is current: the next request starts it.
  const startsOnRequest =
    phase === "idle" || phase === "starting" || (phase === "deploying" && deploying !== undefined);
  return startsOnRequest
    ? `The previous revision ${revision} stays current at ${key}, with no replica running now.`
    : `No revision serves ${key}.`;
}

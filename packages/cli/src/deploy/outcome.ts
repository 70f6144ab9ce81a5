import { type EndpointView, FaasError } from "@faas/core";

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

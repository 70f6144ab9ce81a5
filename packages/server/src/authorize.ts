import { FaasError, scopeAllows } from "@faas/core";
import type { LiveEndpoint } from "./endpoints.ts";
import type { Exchange, Stage } from "./exchange.ts";
import type { Keys } from "./keys.ts";

/** Lets pass who may call the endpoint; without keys, everybody. UNAUTHENTICATED, ORG_NOT_FOUND, FORBIDDEN. */
export function authorize(keys: Keys | undefined): Stage {
  return (exchange) => {
    const { spec, key } = exchange.endpoint as LiveEndpoint;
    if (keys !== undefined && spec.visibility !== "public") checkMayInvoke(exchange, keys, spec.org, key);
    exchange.proceed();
  };
}

function checkMayInvoke({ request }: Exchange, keys: Keys, org: string, endpoint: string): void {
  const { record } = keys.authenticate(request.headers);
  // In the words of an organization that is not there.
  if (record.org !== undefined && record.org !== org) throw unknownOrg(org);
  if (!scopeAllows(record.scope, "invoke"))
    throw new FaasError(
      "FORBIDDEN",
      `Expected a key with the scope invoke or deploy to call ${endpoint}, and "${record.name}" has ${record.scope}`,
    );
}

/** The same of one that is not there and of one that does not exist for who asks. */
export function unknownOrg(org: string): FaasError {
  return new FaasError("ORG_NOT_FOUND", `There is no organization "${org}"; "faas list" shows what there is`);
}

/** Refuses to tell who may not know it what there is. UNAUTHENTICATED, ORG_NOT_FOUND. */
export function checkMayKnow({ request }: Exchange, keys: Keys, org: string): void {
  const { record } = keys.authenticate(request.headers);
  if (record.org !== undefined && record.org !== org) throw unknownOrg(org);
}

import { FaasError, scopeAllows } from "@faas/core";
import { organizationNotFound } from "../endpoints/not-found.ts";
import type { ServedEndpoint } from "../endpoints/registry.ts";
import type { Exchange, Stage } from "./exchange.ts";
import type { KeyVerifier, VerifiedKey } from "./key-verifier.ts";

/** Lets pass who may call the endpoint; without keys, everybody. UNAUTHENTICATED, ORG_NOT_FOUND, FORBIDDEN. */
export function authorize(keys: KeyVerifier | undefined): Stage {
  return (exchange) => {
    const { spec, key } = exchange.endpoint as ServedEndpoint;
    if (keys !== undefined && spec.visibility !== "public") checkInvokePermission(exchange, keys, spec.org, key);
    exchange.proceed();
  };
}

function checkInvokePermission(exchange: Exchange, keys: KeyVerifier, org: string, endpoint: string): void {
  const found = authenticateForOrg(exchange, keys, org);
  const { record } = found;
  if (!scopeAllows(record.scope, "invoke"))
    throw new FaasError(
      "FORBIDDEN",
      `Expected a key with the scope invoke or deploy to call ${endpoint}, and "${record.name}" has ${record.scope}`,
    );
  // A request ends by itself; what is opened here goes on.
  if (exchange.upgrade) exchange.keySignal = keys.signalOf(found);
}

/** Gives the key of who asks; refuses to tell who may not know it what there is. UNAUTHENTICATED, ORG_NOT_FOUND. */
export function authenticateForOrg({ request }: Exchange, keys: KeyVerifier, org: string): VerifiedKey {
  const key = keys.authenticate(request.headers);
  const { record } = key;
  if (record.org !== undefined && record.org !== org) throw organizationNotFound(org);
  return key;
}

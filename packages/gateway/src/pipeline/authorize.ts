import { FaasError, scopeAllows } from "@faas/core";
import { organizationNotFound } from "../endpoints/not-found.ts";
import type { KeyVerifier, VerifiedKey } from "../keys/key-verifier.ts";
import type { Exchange, RoutedExchange, Stage } from "./exchange.ts";

/**
 * Checks that the caller may call the endpoint. Without keys everyone may.
 * @throws UNAUTHENTICATED, ORG_NOT_FOUND, FORBIDDEN
 */
export function authorize(keys: KeyVerifier | undefined): Stage {
  return (exchange) => {
    if (keys !== undefined && exchange.origin === "client" && exchange.endpoint.spec.visibility !== "public")
      checkInvokePermission(exchange, keys);
    exchange.proceed();
  };
}

function checkInvokePermission(exchange: RoutedExchange, keys: KeyVerifier): void {
  const { spec, key: endpoint } = exchange.endpoint;
  const key = authenticateForOrg(exchange, keys, spec.org);
  const { scope, name } = key.record;
  if (!scopeAllows(scope, "invoke"))
    throw new FaasError(
      "FORBIDDEN",
      `Expected a key with the scope invoke or deploy to call ${endpoint}, got "${name}" with ${scope}`,
    );
  // A request ends by itself; an upgraded connection outlives its authorization.
  if (exchange.upgrade) exchange.keySignal = keys.signalOf(key);
}

/**
 * Authenticates the caller before it learns anything about an organization. A key of another organization gets the same error as for an organization that
 * does not exist.
 * @throws UNAUTHENTICATED, ORG_NOT_FOUND
 */
export function authenticateForOrg({ request }: Exchange, keys: KeyVerifier, org: string): VerifiedKey {
  const key = keys.authenticate(request.headers);
  const { record } = key;
  if (record.org !== undefined && record.org !== org) throw organizationNotFound(org);
  return key;
}

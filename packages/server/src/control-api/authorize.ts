import type { Context } from "koa";
import type { KeyService } from "../auth/key-service.ts";
import { checkLocalHost } from "./host-check.ts";
import { Permissions } from "./permissions.ts";
import { type RequiredPermission, stateOf } from "./route.ts";

export interface AuthorizationDeps {
  /** True where keys are required. */
  readonly isAuth: boolean;
  /** True when the server listens on a loopback address only. */
  readonly isLocal: boolean;
  readonly keys: KeyService;
}

/**
 * Authenticates a request and checks that it may use a route.
 * @throws UNAUTHENTICATED
 * @throws ORG_NOT_FOUND
 * @throws FORBIDDEN
 * @throws HOST_REFUSED
 */
export function authorize(
  context: Context,
  required: RequiredPermission,
  org: string | undefined,
  { isAuth, isLocal, keys }: AuthorizationDeps,
): Permissions {
  if (required === "open") return new Permissions(keys, undefined);
  if (!isAuth) {
    if (isLocal) checkLocalHost(context.host);
    return new Permissions(keys, undefined);
  }
  const key = keys.authenticate(context.headers);
  stateOf(context).key = key;
  const permissions = new Permissions(keys, key);
  if (required === "key") return permissions;
  // Callers may see what became of their calls.
  if (required === "call") permissions.require(org as string, key.record.scope === "invoke" ? "invoke" : "read");
  else if (org === undefined) permissions.requireScope(required);
  else permissions.require(org, required);
  return permissions;
}

import { type EndpointSpec, FaasError } from "@faas/core";

/**
 * Rejects an endpoint with GPUs or other devices: processes of one machine share all that the server's user may use.
 *
 * @throws CAPABILITY_MISSING
 */
export function assertNoExtendedResources({ resources }: Pick<EndpointSpec, "resources">): void {
  if (resources === undefined) return;
  throw new FaasError(
    "CAPABILITY_MISSING",
    `The embedded platform has no extended resources, got ${Object.keys(resources).join(", ")}; they are for the kubernetes platform`,
  );
}

import { type EndpointRef, endpointKey, FaasError } from "@faas/core";

/**
 * Builds the error for an organization that does not exist, or that the caller's key cannot see: both must look the same.
 * @param suggestion a similar name that the caller can see
 */
export function organizationNotFound(org: string, suggestion?: string): FaasError {
  return new FaasError(
    "ORG_NOT_FOUND",
    `There is no organization "${org}"; "faas org list" shows the existing ones`,
    withSuggestion(suggestion),
  );
}

/**
 * Builds the error for an endpoint that does not exist.
 * @param suggestion the key, "org/endpoint", of a similar endpoint that the caller can see
 */
export function endpointNotFound(ref: EndpointRef, suggestion?: string): FaasError {
  return new FaasError(
    "ENDPOINT_NOT_FOUND",
    `There is no endpoint "${endpointKey(ref)}"; "faas list ${ref.org}" shows the existing ones`,
    withSuggestion(suggestion),
  );
}

/**
 * Builds the error for a revision or a tag that is not served.
 * @param key the key, "org/endpoint", of its endpoint
 */
export const revisionNotFound = (key: string, revision: string): FaasError =>
  new FaasError(
    "REVISION_NOT_FOUND",
    `No revision of ${key} that runs has the id or the tag "${revision}"; "faas split ${key}" shows those that do`,
  );

const withSuggestion = (suggestion: string | undefined) =>
  suggestion === undefined ? {} : { extensions: { suggestion } };

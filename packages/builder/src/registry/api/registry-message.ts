import type { RegistryResponse } from "./transport.ts";

/** Returns the registry's own error message (OCI distribution specification, "Error codes"). */
export function registryMessage({ status, body }: Pick<RegistryResponse, "status" | "body">): string {
  const { errors } = parseJson(body) as { errors?: readonly { message?: string }[] };
  const message = Array.isArray(errors)
    ? errors
        .map(({ message }) => message)
        .filter(Boolean)
        .join("; ")
    : undefined;
  return message || `status ${status}`;
}

/** Parses the body of a response; an empty object when it is not JSON. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString()) ?? {};
  } catch {
    return {};
  }
}

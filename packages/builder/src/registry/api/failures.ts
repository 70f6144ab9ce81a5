import { FaasError } from "@faas/core";
import { accessDenied } from "../client.ts";
import { registryMessage } from "./registry-message.ts";
import { isTransient, type RegistrySession } from "./session.ts";
import type { RegistryResponse } from "./transport.ts";

const IS_CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)/;

/** Creates the error for a request that got no response. */
function unreachable({ host }: RegistrySession, cause: unknown): unknown {
  if (cause instanceof FaasError) return cause;
  const { code = "", message } = cause as NodeJS.ErrnoException;
  const advice = IS_CERTIFICATE.test(code)
    ? `This machine does not trust the certificate of the registry ${host} (${message}). Copy the certificate of its authority to /etc/docker/certs.d/${host}/ca.crt, or name it in NODE_EXTRA_CA_CERTS`
    : /SSL|EPROTO/.test(code)
      ? `The registry ${host} does not use TLS (${code}). Give it a certificate`
      : `Cannot reach the registry ${host}: ${message || code}`;
  return new FaasError("REGISTRY_UNREACHABLE", advice, { cause });
}

/** Returns a handler for a rejected request, which reports the registry as unreachable unless the request was aborted. */
export const rejectUnreachable =
  (session: RegistrySession) =>
  (error: unknown): never => {
    session.access.signal?.throwIfAborted();
    throw unreachable(session, error);
  };

/** Creates the error for a response that refuses a push. */
export function pushRefused(session: RegistrySession, repository: string, response: RegistryResponse): FaasError {
  const { status } = response;
  const reason = registryMessage(response);
  if (status === 401 || status === 403) return accessDenied({ ...session.access, repository }, reason);
  return new FaasError("PUSH_FAILED", `Failed to push ${session.host}/${repository}: ${reason}`);
}

/** Creates the error for a push that ended without a response of the registry, after several attempts. */
export function pushBroken(session: RegistrySession, repository: string, attempts: number, cause: unknown): unknown {
  if (cause instanceof FaasError || !isTransient(cause)) return unreachable(session, cause);
  const { message } = cause as Error;
  return new FaasError(
    "REGISTRY_UNREACHABLE",
    `The connection to the registry ${session.host} broke while pushing ${repository}, tried ${attempts} times: ${message}`,
    { cause },
  );
}

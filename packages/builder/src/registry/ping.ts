import { FaasError } from "@faas/core";
import type { Environment } from "../docker/config.ts";
import { requestRegistry } from "./client.ts";
import { registryCredentials } from "./credentials.ts";

/**
 * Checks that a registry responds to this machine (OCI distribution specification, "Determining Support"); `login` means that Docker's login is
 * missing or wrong. Rejects with the network error if there is no response.
 *
 * @throws REGISTRY_UNREACHABLE if the server is not a registry
 */
export async function pingRegistry(host: string, env: Environment, signal?: AbortSignal): Promise<"ok" | "login"> {
  const credentials = await registryCredentials(host, env);
  const { status } = await requestRegistry(
    { host, repository: "", credentials, env, signal },
    { method: "GET", path: "/v2/" },
  );
  if (status === 401 || status === 403) return "login";
  if (status === 200) return "ok";
  throw new FaasError("REGISTRY_UNREACHABLE", `The server at ${host} is not a registry (HTTP ${status})`);
}

import { FaasError } from "@faas/core";
import type { Environment } from "../docker/config.ts";
import { askRegistry } from "./client.ts";
import { registryCredentials } from "./credentials.ts";

/**
 * Whether a registry answers, from this machine (OCI distribution specification, "Determining Support"): `login` when it wants one, or
 * another one than Docker has for it. Rejects with the network's error when nothing answers.
 */
export async function pingRegistry(host: string, env: Environment, signal?: AbortSignal): Promise<"ok" | "login"> {
  const credentials = await registryCredentials(host, env);
  const { status } = await askRegistry(
    { host, repository: "", credentials, env, signal },
    { method: "GET", path: "/v2/" },
  );
  if (status === 401 || status === 403) return "login";
  if (status === 200) return "ok";
  throw new FaasError("REGISTRY_UNREACHABLE", `What answers at ${host} is no registry (HTTP ${status})`);
}

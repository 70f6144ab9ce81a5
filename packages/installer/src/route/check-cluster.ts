import { FaasError } from "@faas/core";
import { isNotFound, type KubernetesApi, type KubernetesObject, pathOf } from "@faas/platforms/kubernetes-client";
import { isRouted, type ServerManifestOptions } from "../settings.ts";
import { hostsOf } from "./route-settings.ts";

const INSTALL_COMMAND =
  "kubectl apply --server-side -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.1/standard-install.yaml";

interface Gateway extends KubernetesObject {
  readonly spec?: { readonly listeners?: readonly { readonly protocol?: string }[] };
}

/**
 * Checks that the cluster has what an HTTPRoute refers to.
 *
 * @returns the server's URL behind an Ingress or a Gateway; `undefined` without one
 * @throws GATEWAY_API_MISSING
 * @throws USAGE if there is no such Gateway
 */
export async function checkRouteTarget(
  api: KubernetesApi,
  options: ServerManifestOptions,
  signal?: AbortSignal,
): Promise<string | undefined> {
  if (!isRouted(options)) return undefined;
  const isSecure = options.expose === "gateway" ? await hasHttps(api, options, signal) : hasCertificate(options);
  return `${isSecure ? "https" : "http"}://${hostsOf(options)[0]}`;
}

const hasCertificate = ({ certIssuer, tlsSecret }: ServerManifestOptions) => (certIssuer ?? tlsSecret) !== undefined;

/** Returns true if the Gateway accepts HTTPS. */
async function hasHttps(api: KubernetesApi, options: ServerManifestOptions, signal?: AbortSignal): Promise<boolean> {
  const [name = "", namespace = options.namespace] = options.gateway?.split("/") ?? [];
  await requireGatewayApi(api, options.namespace, signal);
  if (name === "") return hasCertificate(options);
  const found = await api.get<Gateway>("Gateway", namespace, name, signal);
  if (!found)
    throw new FaasError(
      "USAGE",
      `The namespace ${namespace} has no Gateway "${name}"; "kubectl get gateways -A" lists those of the cluster, and --gateway-class creates one`,
    );
  return found.spec?.listeners?.some(({ protocol }) => protocol === "HTTPS") ?? false;
}

async function requireGatewayApi(api: KubernetesApi, namespace: string, signal?: AbortSignal): Promise<void> {
  await api.call("GET", pathOf("HTTPRoute", namespace), { query: { limit: "1" }, signal }).catch((error) => {
    if (!isNotFound(error)) throw error;
    throw new FaasError(
      "GATEWAY_API_MISSING",
      `The cluster has no Gateway API (gateway.networking.k8s.io/v1). Its controller may bring it; otherwise run: ${INSTALL_COMMAND}`,
    );
  });
}

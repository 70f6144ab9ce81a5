import { FaasError, newKey } from "@faas/core";
import type { Installation, InstallSettings, ServerManifestOptions } from "@faas/installer";
import type { Io } from "../terminal/io.ts";
import { version } from "../version.ts";
import type { InstallOptions } from "./options.ts";

/**
 * Merges options, environment and the settings of an existing installation.
 *
 * @throws USAGE for options that contradict each other
 */
export async function effectiveSettings(
  options: InstallOptions,
  io: Io,
  existing: Installation | undefined,
): Promise<InstallSettings> {
  const { checkRoute, settingsFor } = await import("@faas/installer");
  const { storage, storageClass, expose, gateways, startupCpu, cpuMax, auth, allowImages, tlsSecret } = options;
  const { poolSize, accessLog, logRequestIds, maxConnections, maxConnectionsPerAddress, otlp, traceRatio } = options;
  const push = options.registryPush ?? (io.env.FAAS_REGISTRY_PUSH || undefined);
  // FAAS_REGISTRY_PULL applies only together with a push address.
  const pull = options.registryPull ?? (push === undefined ? undefined : io.env.FAAS_REGISTRY_PULL || push);
  const { host, certIssuer, ingressClass, gateway, gatewayClass } = options;
  const settings = settingsFor(
    {
      ...{ storage, storageClass, expose, gateways, startupCpu, cpuMax, auth, allowImages, tlsSecret },
      ...{ poolSize, accessLog, logRequestIds, maxConnections, maxConnectionsPerAddress, otlp, traceRatio },
      ...{ registryPush: push, registryPull: pull, host, certIssuer, ingressClass, gateway, gatewayClass },
      baseRegistry: options.baseRegistry ?? (io.env.FAAS_BASE_REGISTRY || undefined),
    },
    existing?.settings,
  );
  checkRoute(settings);
  return settings;
}

/** Adds the existing admin key, or a new one; none when keys are not required. */
export async function withAdminKey(
  manifest: ServerManifestOptions,
  readExisting: () => Promise<string | undefined>,
): Promise<ServerManifestOptions> {
  if (manifest.auth === "off") return manifest;
  return { ...manifest, adminToken: (await readExisting()) ?? newKey("admin").token };
}

/** Returns the manifest options of a dry run, which neither builds an image nor reads the cluster. */
export async function dryRunManifest(
  options: InstallOptions,
  io: Io,
  existing: Installation | undefined,
): Promise<ServerManifestOptions> {
  const settings = await effectiveSettings(options, io, existing);
  const { registryPull: pull = "REGISTRY" } = settings;
  const image = options.image ?? `${pull}/faas/server:${version}`;
  const { hasGateways, newGatewayToken } = await import("@faas/installer");
  const token = hasGateways(settings) ? { gatewayToken: newGatewayToken() } : {};
  return withAdminKey({ ...settings, ...token, namespace: options.namespace, image }, async () => undefined);
}

/**
 * Returns the registry that the server's image is pushed to.
 *
 * @throws USAGE when the settings have none
 */
export function requiredRegistry({ registryPush: push, registryPull: pull }: InstallSettings) {
  if (push !== undefined && pull !== undefined) return { push, pull };
  throw new FaasError(
    "USAGE",
    "Expected --registry-push host[:port][/path] (or FAAS_REGISTRY_PUSH), the registry for the images of the server and of functions",
  );
}

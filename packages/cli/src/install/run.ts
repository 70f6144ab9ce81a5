import { FaasError, parseDuration } from "@faas/core";
import type { Installation, ServerManifestOptions } from "@faas/installer";
import { caFor } from "../client/trust.ts";
import type { Io } from "../terminal/io.ts";
import { print, printStatus } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { dryRunManifest, effectiveSettings, requiredRegistry, withAdminKey } from "./manifest-options.ts";
import type { InstallOptions } from "./options.ts";
import { withSecrets } from "./secret-options.ts";
import { pushServerImage } from "./server-image.ts";
import { printSummary } from "./summary.ts";

/**
 * Installs the server in a cluster, or upgrades it.
 *
 * @throws SERVER_NOT_RUNNING when there is nothing to upgrade
 */
export async function runInstall(options: InstallOptions, io: Io, isUpgrade: boolean): Promise<void> {
  if (options.dryRun && !isUpgrade)
    return printManifests(options, io, undefined, await withSecrets(options, undefined, io));
  const { KubernetesApi, KubernetesCredentials, installServer, readAdminToken, readInstallation, readServerSecrets } =
    await import("@faas/installer");
  const credentials = KubernetesCredentials.load(options.context);
  const progress = await Progress.create(io);
  try {
    const api = new KubernetesApi(credentials);
    const { namespace } = options;
    const existing = await readInstallation(api, namespace, io.signal);
    if (isUpgrade && !existing)
      throw new FaasError(
        "SERVER_NOT_RUNNING",
        `There is no faas server in the namespace ${namespace}. Install one with "faas install"`,
      );
    const secrets = await withSecrets(options, await readServerSecrets(api, namespace, io.signal), io);
    if (options.dryRun) return await printManifests(options, io, existing, secrets);
    const built = { ...(await buildManifest(options, existing, progress, io)), ...secrets };
    const manifest = await withAdminKey(built, () => readAdminToken(api, namespace, io.signal));
    progress.begin("install");
    const address = await installServer(api, manifest, {
      namespace,
      timeoutMs: parseDuration(options.timeout) as number,
      signal: io.signal,
      onProgress: (text) => progress.detail(text),
    });
    progress.detail(`${namespace}, context ${credentials.context}`);
    progress.end();
    await printSummary(manifest, address, options.output, io, await caFor(address.url, options, io));
  } catch (error) {
    progress.fail();
    throw error;
  } finally {
    await credentials.close();
  }
}

/** Returns the manifest options with the server's image, which it builds and pushes unless the options name one. */
async function buildManifest(
  options: InstallOptions,
  existing: Installation | undefined,
  progress: Progress,
  io: Io,
): Promise<ServerManifestOptions> {
  const { namespace, image } = options;
  const settings = await effectiveSettings(options, io, existing);
  if (image !== undefined) return { ...settings, namespace, image };
  return { ...settings, namespace, ...(await pushServerImage(requiredRegistry(settings), progress, io)) };
}

async function printManifests(
  options: InstallOptions,
  io: Io,
  existing: Installation | undefined,
  secrets: Pick<ServerManifestOptions, "serverSecrets">,
): Promise<void> {
  const { serverManifests } = await import("@faas/installer");
  const manifest = { ...(await dryRunManifest(options, io, existing)), ...secrets };
  const objects = serverManifests(manifest);
  if (options.output === "json") return print({ apiVersion: "v1", kind: "List", items: objects }, "json", io, String);
  const { stringify } = await import("../terminal/yaml.ts");
  io.stdout.write(objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join("---\n"));
  if (manifest.adminToken !== undefined)
    printStatus(
      io,
      "The Secret faas-admin-key holds a new admin key. Omit it where the cluster has one, and keep it out of version control.",
    );
  if (manifest.gatewayToken !== undefined)
    printStatus(
      io,
      "The Secret faas-gateway-token holds a new token, which gateways and the server share. Omit it where the cluster has one.",
    );
  if (manifest.serverSecrets !== undefined)
    printStatus(
      io,
      "The Secret faas-server-secrets holds the URL of the queue and tokens. Keep it out of version control.",
    );
  if (options.image === undefined)
    printStatus(
      io,
      `Nothing was built or applied. "faas install" builds ${manifest.image} and references it by digest.`,
    );
}

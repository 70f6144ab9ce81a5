import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { FaasError, newKey, parseCpu, parseDuration, parseSize, type Registry } from "@faas/core";
import type { Exposure, Installation, InstallSettings, ServerAddress, ServerManifestOptions } from "@faas/installer";
import { type Command, InvalidArgumentError, Option } from "commander";
import { storeToken } from "../client/credentials.ts";
import { caFor } from "../client/trust.ts";
import { prefixes } from "../install/allow-images.ts";
import { reporting } from "../options/image-options.ts";
import { integerOption, parsedOption } from "../options/settings-options.ts";
import { version } from "../program.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { colors, type OutputFormat, outputOption, print, printStatus } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";

interface Options extends GlobalOptions, Partial<InstallSettings> {
  readonly namespace: string;
  readonly image?: string;
  readonly context?: string;
  readonly timeout: string;
  readonly dryRun?: boolean;
  readonly output: OutputFormat;
}

const EXPOSURES: readonly Exposure[] = ["none", "hostport", "nodeport", "loadbalancer"];
export const DEFAULT_NAMESPACE = "faas-system";

export const define = (command: Command, io: Io): void => defineInstall(command, io, false);

/** `faas install`, and `faas upgrade`, which wants an installation to be there. */
export function defineInstall(command: Command, io: Io, isUpgrade: boolean): void {
  command
    .option("--namespace <namespace>", "where it is put", namespaceName, DEFAULT_NAMESPACE)
    .option("--context <name>", "context of the kubeconfig (the current one)")
    .option("--storage <size>", "of its volume (1Gi)", parsedOption(parseSize, "a size such as 1Gi"))
    .option("--storage-class <class>", "of its volume (the cluster's default)")
    .addOption(
      new Option("--expose <how>", "where it answers: in the cluster alone (none), or outside too").choices(EXPOSURES),
    )
    .option("--registry-push <registry>", "where images are pushed to (or FAAS_REGISTRY_PUSH)")
    .option(
      "--registry-pull <registry>",
      "the same registry as the nodes reach it (or FAAS_REGISTRY_PULL; default as --registry-push)",
    )
    .option(
      "--startup-cpu <cpu>",
      "CPU limit of a replica while it starts (1000m)",
      parsedOption(parseCpu, "a CPU quantity such as 500m or 1"),
    )
    .addOption(new Option("--auth <on|off>", "whether keys are required (on)").choices(["on", "off"]))
    .option(
      "--allow-images <prefixes>",
      "where images may come from besides the registry's ORG/…, such as ghcr.io/team,ghcr.io/{org}; * is anywhere",
      (text: string) => prefixes(text).join(","),
    )
    .option(
      "--tls-secret <name>",
      "HTTPS, with the certificate of this Secret (kubernetes.io/tls) of the namespace; read again when it is renewed; none is HTTP again",
    )
    .option(
      "--max-connections <number>",
      "clients that may be connected at a time, as of faas up",
      integerOption(1, 1_000_000),
    )
    .option("--max-connections-per-address <number>", "of these, from one address", integerOption(1, 1_000_000))
    .option("--image <reference>", "a ready image of the server; nothing is built or pushed")
    .option(
      "--timeout <duration>",
      "how long to wait until it answers",
      parsedOption(parseDuration, "a duration such as 2m"),
      "2m",
    )
    .option("--dry-run", "print the objects, and touch nothing")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nSettings that are not given stay as they were installed. Needs Docker, unless --image names a ready one.",
    )
    .action(async () => install(command.optsWithGlobals<Options>(), io, isUpgrade));
}

async function install(options: Options, io: Io, isUpgrade: boolean): Promise<void> {
  if (options.dryRun && !isUpgrade) return dryRun(options, io);
  const { KubernetesApi, KubernetesCredentials, installServer, readAdminToken, readInstallation } = await import(
    "@faas/installer"
  );
  const credentials = KubernetesCredentials.load(options.context);
  const progress = await Progress.create(io);
  try {
    const api = new KubernetesApi(credentials);
    const { namespace } = options;
    const former = await readInstallation(api, namespace, io.signal);
    if (isUpgrade && !former)
      throw new FaasError(
        "SERVER_NOT_RUNNING",
        `There is no faas server in the namespace ${namespace}: "faas install" makes one`,
      );
    if (options.dryRun) return await dryRun(options, io, former);
    const wanted = await withAdminKey(await manifestOptions(options, former, progress, io), () =>
      readAdminToken(api, namespace, io.signal),
    );
    progress.begin("install");
    const address = await installServer(api, wanted, {
      namespace,
      timeoutMs: parseDuration(options.timeout) as number,
      signal: io.signal,
      onProgress: (text) => progress.detail(text),
    });
    progress.detail(`${namespace}, context ${credentials.context}`);
    progress.end();
    await report(wanted, address, options.output, io, await caFor(address.url, options, io));
  } catch (error) {
    progress.fail();
    throw error;
  } finally {
    await credentials.close();
  }
}

async function dryRun(options: Options, io: Io, former?: Installation): Promise<void> {
  const { serverManifests } = await import("@faas/installer");
  const settings = await effectiveSettings(options, io, former);
  const { registryPull: pull = "REGISTRY" } = settings;
  const image = options.image ?? `${pull}/faas/server:${version}`;
  const wanted = await withAdminKey({ ...settings, namespace: options.namespace, image }, async () => undefined);
  const objects = serverManifests(wanted);
  if (options.output === "json") return print({ apiVersion: "v1", kind: "List", items: objects }, "json", io, String);
  const { stringify } = await import("yaml");
  io.stdout.write(objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join("---\n"));
  if (wanted.adminToken !== undefined)
    printStatus(
      io,
      "The Secret faas-admin-key holds a new admin key: leave it out where there is one, and keep it out of version control.",
    );
  if (options.image === undefined)
    printStatus(io, `Nothing was built or applied; "faas install" builds ${image} and names it by digest.`);
}

async function effectiveSettings(options: Options, io: Io, former: Installation | undefined): Promise<InstallSettings> {
  const { settingsFor } = await import("@faas/installer");
  const { storage, storageClass, expose, startupCpu, auth, allowImages, tlsSecret } = options;
  const { maxConnections, maxConnectionsPerAddress } = options;
  const push = options.registryPush ?? (io.env.FAAS_REGISTRY_PUSH || undefined);
  // A pull address goes with the push address that is given with it.
  const pull = options.registryPull ?? (push === undefined ? undefined : io.env.FAAS_REGISTRY_PULL || push);
  return settingsFor(
    {
      ...{ storage, storageClass, expose, startupCpu, auth, allowImages, tlsSecret },
      ...{ maxConnections, maxConnectionsPerAddress, registryPush: push, registryPull: pull },
    },
    former?.settings,
  );
}

/** With the admin key that is there, or a new one; without one where none are required. */
async function withAdminKey(
  wanted: ServerManifestOptions,
  read: () => Promise<string | undefined>,
): Promise<ServerManifestOptions> {
  if (wanted.auth === "off") return wanted;
  return { ...wanted, adminToken: (await read()) ?? newKey("admin").token };
}

async function manifestOptions(
  options: Options,
  former: Installation | undefined,
  progress: Progress,
  io: Io,
): Promise<ServerManifestOptions> {
  const { namespace, image } = options;
  const settings = await effectiveSettings(options, io, former);
  const { registryPush: push, registryPull: pull } = settings;
  if (image !== undefined) return { ...settings, namespace, image };
  if (push === undefined || pull === undefined)
    throw new FaasError(
      "USAGE",
      "Expected --registry-push host[:port][/path] (or FAAS_REGISTRY_PUSH): the server's image, and those of functions, are pushed there",
    );
  return { ...settings, namespace, ...(await pushServerImage({ push, pull }, progress, io)) };
}

/** The server's image, in the registry, and what the nodes need to pull it. */
export async function pushServerImage(registry: Registry, progress: Progress, io: Io) {
  const { buildServerImage, pullConfigOf } = await import("@faas/builder");
  const { href } = new URL(`../main${extname(import.meta.url)}`, import.meta.url);
  const { reference, pushed } = await buildServerImage({
    ...{ entry: fileURLToPath(href), version, registry, push: true, tag: version },
    ...reporting(progress, io),
  });
  if (!pushed) progress.detail("the registry has it");
  progress.end();
  const dockerConfigJson = await pullConfigOf(registry, io.env);
  return { image: reference, ...(dockerConfigJson === undefined ? {} : { dockerConfigJson }) };
}

async function report(
  { namespace, image, expose, dockerConfigJson, registryPull, adminToken }: ServerManifestOptions,
  { url, reachable }: ServerAddress,
  output: OutputFormat,
  io: Io,
  ca: string | undefined,
): Promise<void> {
  await print({ url, reachable, namespace, image, expose }, output, io, () => `${url}\n`);
  const file = reachable && adminToken !== undefined ? await storeToken(url, adminToken, io, ca) : undefined;
  if (output !== "table") return;
  const { bold, yellow } = colors(io.stderr, io);
  if (dockerConfigJson !== undefined)
    printStatus(
      io,
      `The nodes pull the server's image from ${registryPull} with the login that Docker has for it here (secret ${namespace}/faas-registry).`,
    );
  const readKey = `kubectl -n ${namespace} get secret faas-admin-key -o jsonpath={.data.token} | base64 -d`;
  if (adminToken === undefined)
    printStatus(
      io,
      `${yellow("warning:")} no keys are required: whoever reaches ${url} can deploy and call everything.`,
    );
  else printStatus(io, `The admin key is in the secret ${namespace}/faas-admin-key: ${readKey}`);
  if (file !== undefined) printStatus(io, `It is kept for you in ${file}, as by faas login.`);
  printStatus(io, "Next:");
  if (reachable) printStatus(io, `  ${bold(`export FAAS_SERVER=${url}`)}`);
  else {
    printStatus(io, `  ${bold(`kubectl -n ${namespace} port-forward service/faas 8887 &`)}`);
    printStatus(
      io,
      `  # ${url} cannot be reached from here; then http://127.0.0.1:8887, which faas asks by default, can`,
    );
    if (adminToken !== undefined) printStatus(io, `  ${bold(`${readKey} | faas login --token-stdin`)}`);
  }
  printStatus(io, `  ${bold("faas deploy ./src --org acme --endpoint hello")}`);
}

/** Namespaces are DNS-1123 labels. */
export function namespaceName(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError(`lower-case letters, digits and hyphens, at most 63 characters, got "${text}"`);
}

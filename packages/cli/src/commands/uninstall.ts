import { FaasError, parseDuration } from "@faas/core";
import type { Installed } from "@faas/installer";
import type { Command } from "commander";
import { addClusterOptions } from "../install/cluster-options.ts";
import { timeoutOption } from "../install/options.ts";
import { checkCanConfirm, confirm, YES_DESCRIPTION } from "../terminal/confirm.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";

interface Options extends GlobalOptions {
  readonly namespace: string;
  readonly context?: string;
  readonly keepData?: boolean;
  readonly timeout: string;
  readonly yes?: boolean;
}

export function define(command: Command, io: Io): void {
  addClusterOptions(command)
    .option("--keep-data", "Keep the server's volume, so that faas install restores every endpoint")
    .addOption(timeoutOption("Time to wait until everything is removed"))
    .option("-y, --yes", YES_DESCRIPTION)
    .action(async () => uninstall(command.optsWithGlobals<Options>(), io));
}

async function uninstall(options: Options, io: Io): Promise<void> {
  checkCanConfirm(options, io);
  const { findInstalled, isNothing, KubernetesApi, KubernetesCredentials, volumeClaimPath, uninstallServer } =
    await import("@faas/installer");
  const { namespace, keepData = false } = options;
  const credentials = KubernetesCredentials.load(options.context);
  const progress = await Progress.create(io);
  try {
    const api = new KubernetesApi(credentials);
    const installed = await findInstalled(api, namespace, io.signal);
    if (isNothing(installed))
      throw new FaasError(
        "SERVER_NOT_RUNNING",
        `There is no faas server in the namespace ${namespace} (context ${credentials.context}). Select another with --namespace`,
      );
    if (!(await confirm(question(installed, keepData, credentials.context), options, io))) return;
    progress.begin("uninstall");
    await uninstallServer(api, installed, keepData, {
      namespace,
      timeoutMs: parseDuration(options.timeout) as number,
      signal: io.signal,
      onProgress: (text) => progress.detail(text),
    });
    progress.detail("");
    progress.end();
    printStatus(
      io,
      `Removed the faas server from ${namespace}, ${describeOrgs(installed)}. Images stay in the registry.`,
    );
    if (keepData)
      printStatus(
        io,
        `Kept the volume claim ${volumeClaimPath(namespace)}. "faas install" restores every endpoint from it, without the passwords of faas org registry-login.`,
      );
  } catch (error) {
    progress.fail();
    throw error;
  } finally {
    await credentials.close();
  }
}

function question(installed: Installed, keepData: boolean, context: string): string {
  const data = keepData ? "keeping its data" : "and all of its data";
  return `Remove the faas server in ${installed.namespace} (context ${context}), ${describeOrgs(installed)}, ${data}?`;
}

function describeOrgs({ orgs }: Installed): string {
  if (orgs.length === 0) return "which has no organizations";
  const names = orgs.map(({ org }) => org).sort();
  const shown = names.length > 5 ? `${names.slice(0, 5).join(", ")} …` : names.join(", ");
  return `with ${names.length === 1 ? "the organization" : `${names.length} organizations`} ${shown} and all endpoints`;
}

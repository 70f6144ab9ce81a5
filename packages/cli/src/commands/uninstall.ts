import { FaasError, parseDuration } from "@faas/core";
import type { Installed } from "@faas/installer";
import type { Command } from "commander";
import { parsedOption } from "../options/settings-options.ts";
import { checkCanAsk, confirmed } from "../terminal/confirm.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { printStatus } from "../terminal/output.ts";
import { Progress } from "../terminal/progress.ts";
import { DEFAULT_NAMESPACE, namespaceName } from "./install.ts";

interface Options extends GlobalOptions {
  readonly namespace: string;
  readonly context?: string;
  readonly keepData?: boolean;
  readonly timeout: string;
  readonly yes?: boolean;
}

export function define(command: Command, io: Io): void {
  command
    .option("--namespace <namespace>", "where it was put", namespaceName, DEFAULT_NAMESPACE)
    .option("--context <name>", "context of the kubeconfig (the current one)")
    .option("--keep-data", "keep its volume: with it, faas install brings every endpoint back")
    .option(
      "--timeout <duration>",
      "how long to wait until all is gone",
      parsedOption(parseDuration, "a duration such as 2m"),
      "2m",
    )
    .option("-y, --yes", "do not ask")
    .action(async () => uninstall(command.optsWithGlobals<Options>(), io));
}

async function uninstall(options: Options, io: Io): Promise<void> {
  checkCanAsk(options, io);
  const { findInstalled, isNothing, KubernetesApi, KubernetesCredentials, volumeClaimPath, uninstallServer } = await import(
    "@faas/installer"
  );
  const { namespace, keepData = false } = options;
  const credentials = KubernetesCredentials.load(options.context);
  const progress = await Progress.create(io);
  try {
    const api = new KubernetesApi(credentials);
    const installed = await findInstalled(api, namespace, io.signal);
    if (isNothing(installed))
      throw new FaasError(
        "SERVER_NOT_RUNNING",
        `There is no faas server in the namespace ${namespace} (context ${credentials.context}); another one is named with --namespace`,
      );
    if (!(await confirmed(question(installed, keepData, credentials.context), options, io))) return;
    progress.begin("uninstall");
    await uninstallServer(api, installed, keepData, {
      namespace,
      timeoutMs: parseDuration(options.timeout) as number,
      signal: io.signal,
      onProgress: (text) => progress.detail(text),
    });
    progress.detail("");
    progress.end();
    printStatus(io, `Removed the faas server from ${namespace}, ${orgsOf(installed)}. Images stay in the registry.`);
    if (keepData)
      printStatus(
        io,
        `Kept its volume claim ${volumeClaimPath(namespace)}: "faas install" brings every endpoint back (not the passwords of faas org registry-login).`,
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
  return `Remove the faas server in ${installed.namespace} (context ${context}), ${orgsOf(installed)}, ${data}?`;
}

function orgsOf({ orgs }: Installed): string {
  if (orgs.length === 0) return "which has no organization";
  const names = orgs.map(({ org }) => org).sort();
  const shown = names.length > 5 ? `${names.slice(0, 5).join(", ")} …` : names.join(", ");
  return `with ${names.length === 1 ? "the organization" : `${names.length} organizations`} ${shown} and all endpoints`;
}
